"""OPC UA: connect, find the signals, collect them without loss, or say what was lost."""

from tundish_connectors.opcua.config import OpcUaConnection
from tundish_connectors.opcua.connector import OpcUaConnector
from tundish_connectors.opcua.gateway import GatewayConfig, run_connector

__all__ = ["GatewayConfig", "OpcUaConnection", "OpcUaConnector", "run_connector"]
