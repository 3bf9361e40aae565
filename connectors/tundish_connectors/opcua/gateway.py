"""An OPC UA connection in the common gateway; it has columns from wire to spool in place of single values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from tundish_connectors.collect.gateway import Assembled, GatewaySettings, Ground, run_gateway
from tundish_connectors.delivery import DeliveryConfig
from tundish_connectors.opcua.alarm_collector import AlarmPart
from tundish_connectors.opcua.config import OpcUaConnection
from tundish_connectors.opcua.connector import OpcUaConnector
from tundish_connectors.opcua.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable


class GatewayConfig(BaseModel):
    """One connection and where its data goes.

    Attributes:
        heartbeat_s: seconds between two heartbeats.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    connection: OpcUaConnection
    delivery: DeliveryConfig
    heartbeat_s: float = Field(default=5.0, gt=0)


def run_connector(config: GatewayConfig) -> int:
    """Run one connection in this process until SIGTERM or SIGINT; see `run_gateway`.

    Returns:
        0 after a signal, 2 after an error that a person has to mend (logged, and told in the heartbeat).
    """
    settings = GatewaySettings(config.delivery, config.heartbeat_s)
    return run_gateway(config.connection, settings, assembled(config.connection))


def assembled(connection: OpcUaConnection) -> Callable[[Ground], Assembled]:
    """How an OPC UA connection is assembled; its alarms are followed on a connection of their own."""

    def assemble(ground: Ground) -> Assembled:
        intake = Intake(ground.spool, ground.counters, connection.state_dir, connection.thin)
        connector = OpcUaConnector(connection, ground.spool, ground.delivery, intake)
        alarms = AlarmPart(connection, ground.delivery).run if connection.alarms else None
        return Assembled(connector, intake, connector.subscribed, alarms)

    return assemble
