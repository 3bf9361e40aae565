"""Over HTTP to the platform: at least once, in order, with waiting times that grow."""

from tundish_connectors.delivery.alarms import AlarmOutbox, AlarmSender
from tundish_connectors.delivery.config import DeliveryConfig
from tundish_connectors.delivery.forwarder import Counters, Forwarder
from tundish_connectors.delivery.http import HttpDelivery
from tundish_connectors.delivery.protocol import Delivery, Heartbeat, SignalTrouble

__all__ = [
    "AlarmOutbox",
    "AlarmSender",
    "Counters",
    "Delivery",
    "DeliveryConfig",
    "Forwarder",
    "Heartbeat",
    "HttpDelivery",
    "SignalTrouble",
]
