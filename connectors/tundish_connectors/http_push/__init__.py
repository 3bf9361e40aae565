"""HTTP push: a small receiver on the gateway to which devices send JSON or Arrow."""

from tundish_connectors.http_push.config import Device, HttpPushConnection
from tundish_connectors.http_push.connector import HttpPushConnector

__all__ = ["Device", "HttpPushConnection", "HttpPushConnector"]
