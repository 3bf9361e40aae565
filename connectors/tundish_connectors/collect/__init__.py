"""What connectors share beside the protocol: settings, signals, gaps, spooling, the process around."""

from tundish_connectors.collect.config import Connection, SignalNaming
from tundish_connectors.collect.gateway import GatewaySettings, run_gateway
from tundish_connectors.collect.recorder import Recorder
from tundish_connectors.collect.thinning import Thinner, ThinRule

__all__ = [
    "Connection",
    "GatewaySettings",
    "Recorder",
    "SignalNaming",
    "ThinRule",
    "Thinner",
    "run_gateway",
]
