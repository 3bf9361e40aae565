"""`AlarmCollector`: a server's alarms into the outbox, and people's acknowledgements back to the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from asyncua.ua.uaerrors import UaError

from tundish_connectors.connector import Backoff, ConnectorError, Report, RunState, supervise
from tundish_connectors.delivery import AlarmOutbox, AlarmSender
from tundish_connectors.opcua.alarms import AlarmWatch, acknowledge
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.errors import classify
from tundish_platform.samples import AlarmPriority, AlarmReport

if TYPE_CHECKING:
    from tundish_connectors.delivery.alarms import AlarmDelivery
    from tundish_connectors.opcua.alarms import AlarmState
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.session import RawSession

_log = structlog.get_logger(__name__)
_ANSWER_S = 15.0
_LONGEST_WAIT_S = 30.0
_COMMENT = "acknowledged in Tundish"
# The platform's name stands in the trail; who the person was, the platform's own trail knows.
_WHO = "platform"
_DONE = {"Good", "BadConditionBranchAlreadyAcked"}


def alarm_key(state: AlarmState) -> str:
    """The name of a condition in reports: its node id, the same from event to event."""
    return state.condition


def alarm_report(prefix: str, state: AlarmState) -> AlarmReport:
    """The report of a state; a condition that cannot be active counts as active while it has to be kept."""
    path = "/".join(part for part in (prefix, state.source) if part)
    return AlarmReport(
        key=alarm_key(state)[:400],
        active=state.retain if state.active is None else state.active,
        acknowledged=state.acknowledged,
        ts=state.time,
        priority=AlarmPriority.of_severity(state.severity),
        name_zh=state.name[:200],
        name_en=state.name[:200],
        message_zh=state.message[:500],
        message_en=state.message[:500],
        path=path[:400],
    )


class AlarmCollector:
    """Follows one server's alarms, on a connection of its own.

    Args:
        connection: the server.
        outbox: takes each report before the server's next one is asked for.
    """

    def __init__(self, connection: OpcUaConnection, outbox: AlarmOutbox) -> None:
        self._connection = connection
        self._outbox = outbox
        self._states: dict[str, AlarmState] = {}
        self._session: RawSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    async def run(self, report: Report) -> None:
        """Follow until cancelled or the connection is lost.

        Raises:
            ConnectorError: retry or fatal.
        """
        client, session = await open_client(self._connection)
        try:
            await self._follow(session, report)
        except (UaError, OSError, TimeoutError) as error:
            raise classify(error, self._connection.url) from error
        finally:
            self._session = None
            await leave(client)

    async def _follow(self, session: RawSession, report: Report) -> None:
        watch = AlarmWatch(session)
        await watch.start()
        if not watch.refreshed:
            _log.warning("the server cannot tell its present alarms; only changes from now on are seen")
        self._loop, self._session = asyncio.get_running_loop(), session
        report(RunState.RUNNING)
        async for state in watch.states():
            self._states[alarm_key(state)] = state
            made = alarm_report(self._connection.prefix or self._connection.line or "", state)
            await asyncio.to_thread(self._outbox.put, [made])

    def acknowledge(self, key: str) -> bool:
        """Acknowledge an alarm at the server, from another thread; False to be asked again later."""
        state, session, loop = self._states.get(key), self._session, self._loop
        if state is None or session is None or loop is None:
            return False
        if state.acknowledged:
            return True
        work = acknowledge(session, state, _COMMENT, _WHO, self._connection.state_dir)
        try:
            status = asyncio.run_coroutine_threadsafe(work, loop).result(_ANSWER_S)
        except (UaError, OSError, TimeoutError) as error:
            _log.warning("an alarm could not be acknowledged at the server", reason=str(error))
            return False
        if status not in _DONE:
            _log.warning("the server refused an acknowledgement", alarm=state.name, status=status)
        return status in _DONE


class AlarmPart:
    """Collector, outbox and sender of one gateway's alarms; their errors never touch the values.

    Args:
        connection: the server.
        delivery: the platform.
    """

    def __init__(self, connection: OpcUaConnection, delivery: AlarmDelivery) -> None:
        self._connection = connection
        self._delivery = delivery

    async def run(self) -> None:
        """Until cancelled, or until a person has to mend something."""
        outbox = AlarmOutbox(self._connection.state_dir / "alarms.sqlite")
        collector = AlarmCollector(self._connection, outbox)
        sender = AlarmSender(outbox, self._delivery, self._connection.name, collector.acknowledge)
        sender.start()
        try:
            await supervise(collector, _note, Backoff(limit_s=_LONGEST_WAIT_S))
        except ConnectorError as error:
            _log.error("alarms are not followed", reason=error.message_en, reason_zh=error.message_zh)
        finally:
            await asyncio.to_thread(sender.stop)
            outbox.close()


def _note(state: RunState, error: ConnectorError | None = None) -> None:
    """The heartbeat tells of the values' connection; that of the alarms stands in the log."""
    if error is not None:
        _log.warning("alarms", state=state.value, reason=error.message_en)
