"""Sparkplug B over MQTT: a host application that listens to edge nodes and their devices."""

from tundish_connectors.sparkplug.config import SparkplugConnection
from tundish_connectors.sparkplug.connector import SparkplugConnector

__all__ = ["SparkplugConnection", "SparkplugConnector"]
