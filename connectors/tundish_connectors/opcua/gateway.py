"""One connector process: collector, spool, forwarder and heartbeat together."""

from __future__ import annotations

import asyncio
import signal
import threading

import structlog
from pydantic import BaseModel, ConfigDict, Field

from tundish_connectors.collect.gateway import alone, damage, left_over_rows
from tundish_connectors.connector import Backoff, ConnectorError, RunState, supervise
from tundish_connectors.delivery import Counters, DeliveryConfig, Forwarder, Heartbeat, HttpDelivery
from tundish_connectors.opcua.alarm_collector import AlarmPart
from tundish_connectors.opcua.config import OpcUaConnection
from tundish_connectors.opcua.connector import OpcUaConnector
from tundish_connectors.opcua.intake import Intake
from tundish_connectors.spool import Spool

_log = structlog.get_logger(__name__)
_DRAIN_S = 5.0
# A server that comes back is lost time until the next try, so the waits stay short.
_LONGEST_WAIT_S = 5.0
FATAL_EXIT = 2


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
    """Run one connector in this process until SIGTERM or SIGINT.

    Collected data stays in the state folder until the platform has it, also over restarts and kills.

    Returns:
        0 after a signal, 2 after an error that a person has to mend (logged, and told in the heartbeat).
    """
    connection = config.connection
    connection.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(connection.state_dir):
        return asyncio.run(_Gateway(config).run())


class _Gateway:
    def __init__(self, config: GatewayConfig) -> None:
        connection = config.connection
        self._config = config
        self._counters = Counters()
        self._delivery = HttpDelivery(config.delivery)
        self._spool = Spool(connection.state_dir / "spool", max_bytes=connection.spool_bytes)
        self._counters.left_over = left_over_rows(self._spool)
        intake = Intake(self._spool, self._counters, connection.state_dir)
        self._connector = OpcUaConnector(connection, self._spool, self._delivery, intake)
        self._forwarder = Forwarder(
            self._spool,
            self._delivery,
            self._counters,
            request_bytes=config.delivery.request_bytes,
            rejected=connection.state_dir / "rejected",
        )
        self._intake = intake
        self._state = RunState.CONNECTING
        self._error: ConnectorError | None = None
        self._ended = threading.Event()

    async def run(self) -> int:
        heart = threading.Thread(target=self._beat_until_ended, name="heartbeat", daemon=True)
        self._forwarder.start()
        heart.start()
        task = asyncio.create_task(supervise(self._connector, self._report, Backoff(limit_s=_LONGEST_WAIT_S)))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        alarms = asyncio.create_task(self._follow_alarms())
        try:
            await task
        except asyncio.CancelledError:
            self._report(RunState.DOWN)
        except ConnectorError as error:
            _log.error("the connector has stopped", reason=error.message_en, reason_zh=error.message_zh)
            return FATAL_EXIT
        finally:
            alarms.cancel()
            await asyncio.gather(alarms, return_exceptions=True)
            await asyncio.to_thread(self._close, heart)
        return 0

    async def _follow_alarms(self) -> None:
        if self._config.connection.alarms:
            await AlarmPart(self._config.connection, self._delivery).run()

    def _close(self, heart: threading.Thread) -> None:
        self._forwarder.stop(_DRAIN_S)
        self._ended.set()
        heart.join()
        self._beat()
        self._intake.save()
        self._spool.close()
        self._delivery.close()

    def _report(self, state: RunState, error: ConnectorError | None = None) -> None:
        if state is not self._state:
            _log.info("connector", name=self._connector.name, state=state.value)
        self._state = state
        if error is not None or state is RunState.RUNNING:
            self._error = error

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(self._config.heartbeat_s):
            self._beat()

    def _beat(self) -> None:
        try:
            self._delivery.heartbeat(self._connector.name, self.heartbeat())
        except ConnectorError as error:
            _log.info("the heartbeat was not taken", reason=error.message_en)

    def heartbeat(self) -> Heartbeat:
        trouble = self._error or self._forwarder.trouble or damage(self._spool)
        return Heartbeat(
            state=self._state,
            message_zh=trouble.message_zh if trouble else "",
            message_en=trouble.message_en if trouble else "",
            counts=self._counters.as_dict(),
            spool_hours_left=self._spool.hours_left(),
            signals=self._connector.subscribed(),
        )
