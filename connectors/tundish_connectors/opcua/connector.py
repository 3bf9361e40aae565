"""`OpcUaConnector`: connects, finds the signals, subscribes, and keeps at it until the connection is lost."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import structlog
from asyncua.ua.uaerrors import UaError

from tundish_connectors.connector import ConnectorError, Report, RunState
from tundish_connectors.delivery.protocol import SignalTrouble, Subscribed
from tundish_connectors.opcua.decode import DecodeError
from tundish_connectors.opcua.errors import classify
from tundish_connectors.opcua.limits import read_limits
from tundish_connectors.opcua.login import set_login
from tundish_connectors.opcua.numbers import SignalNumbers
from tundish_connectors.opcua.security import own_certificate, secure
from tundish_connectors.opcua.session import RawSession, build_client
from tundish_connectors.opcua.silence import SilenceWatch
from tundish_connectors.opcua.subscription import Subscription
from tundish_connectors.opcua.survey import Survey, survey_server
from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from asyncua.client.client import Client

    from tundish_connectors.delivery import Delivery
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.spool import Spool

_log = structlog.get_logger(__name__)
_DEFAULT_ITEMS_A_CALL = 1000
_TICK_S = 1.0
_CHECKPOINT_TICKS = 5
_SILENCE_TICKS = 10
_LEAVE_S = 1.0
NOT_NUMBERED = "waits for the platform to number it"
MISSING = "expected by the line kit, but the server does not have it"


@dataclass
class _Standing:
    """How the signals of the present session stand."""

    failed: dict[str, str] = field(default_factory=dict)
    subscribed: int = 0
    silent: list[str] = field(default_factory=list)


async def open_client(connection: OpcUaConnection) -> tuple[Client, RawSession]:
    """A connected client with an activated session.

    Raises:
        ConnectorError: classified as retry or fatal.
    """
    own = await own_certificate(connection)
    client, session = build_client(connection.url, own.application_uri, connection.request_timeout_s)
    await set_login(client, connection)
    try:
        if connection.security_policy != "None":
            await secure(client, connection, own)
        await client.connect()
    except (UaError, OSError, TimeoutError) as error:
        raise classify(error, connection.url) from error
    return client, session


async def leave(client: Client) -> None:
    """Close a session as far as the connection allows, in bounded time."""
    with contextlib.suppress(UaError, OSError, TimeoutError):
        await asyncio.wait_for(client.disconnect(), _LEAVE_S)
    # A farewell that timed out has not come to closing the socket.
    client.disconnect_socket()


class OpcUaConnector:
    """Collects from one OPC UA server into a spool."""

    def __init__(self, connection: OpcUaConnection, spool: Spool, delivery: Delivery, intake: Intake) -> None:
        self._connection = connection
        self._intake = intake
        self._numbers = SignalNumbers(connection.name, delivery, spool, connection.state_dir)
        self._standing = _Standing()

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    def subscribed(self) -> Subscribed:
        """How the signals stand, for the heartbeat."""
        standing = self._standing
        return Subscribed(
            subscribed=standing.subscribed,
            failed=[SignalTrouble(path=path, reason=why) for path, why in sorted(standing.failed.items())],
            silent=standing.silent,
        )

    async def run(self, report: Report) -> None:
        """Collect until the task is cancelled or the connection is lost.

        Raises:
            ConnectorError: retry or fatal.
        """
        client, session = await open_client(self._connection)
        try:
            await self._collect(session, report)
        except (UaError, OSError, TimeoutError, DecodeError) as error:
            raise classify(error, self._connection.url) from error
        finally:
            self._standing.subscribed = 0
            self._intake.tracker.mark(GapReason.DISCONNECTED)
            self._intake.save()
            await leave(client)

    async def _collect(self, session: RawSession, report: Report) -> None:
        limits = await read_limits(session)
        subscription = Subscription(
            session, self._intake, self._connection, limits.items or _DEFAULT_ITEMS_A_CALL
        )
        await subscription.create()
        pump = asyncio.create_task(subscription.pump())
        keeping = asyncio.create_task(self._keep(session, subscription, report))
        try:
            await asyncio.wait({pump, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, keeping):
                task.cancel()
            results = await asyncio.gather(pump, keeping, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _keep(self, session: RawSession, subscription: Subscription, report: Report) -> None:
        await self._reconcile(session, subscription)
        report(RunState.RUNNING)
        watch = SilenceWatch(self._intake.table, self._intake.tracker, subscription.publishing_s)
        reconcile_ticks = max(1, round(self._connection.reconcile_s / _TICK_S))
        tick = 0
        while True:
            await asyncio.sleep(_TICK_S)
            tick += 1
            self._watch_silence(watch, subscription, record=tick % _SILENCE_TICKS == 0)
            if tick % _CHECKPOINT_TICKS == 0:
                self._intake.save()
            if tick % reconcile_ticks == 0 and self._standing.failed:
                await self._reconcile(session, subscription)

    async def _reconcile(self, session: RawSession, subscription: Subscription) -> None:
        """Compare what is desired with what is subscribed, and subscribe what lacks."""
        survey = await survey_server(session, self._connection)
        specs = [one.spec for one in survey.desired]
        numbers = await asyncio.to_thread(self._numbers.declare, specs) if specs else {}
        wanted = [one for one in survey.desired if one.spec.path in numbers]
        slots = self._intake.bind(wanted, numbers)
        items = [
            (slot, one.node_id)
            for slot, one in zip(slots, wanted, strict=True)
            if slot not in subscription.subscribed
        ]
        refused = await subscription.add(items)
        specs_by_slot = self._intake.table.specs
        failed = {specs_by_slot[slot].path: why for slot, why in refused.items()}
        failed |= {spec.path: NOT_NUMBERED for spec in specs if spec.path not in numbers}
        self._stand(survey, failed, subscription)
        self._warn_of_slow_sampling(subscription)

    def _warn_of_slow_sampling(self, subscription: Subscription) -> None:
        specs = self._intake.table.specs
        slow = [
            specs[slot].path
            for slot, granted_ms in subscription.sampling_ms.items()
            if granted_ms > 1000 * (specs[slot].period_s or granted_ms)
        ]
        if slow:
            _log.warning("the server looks less often than values come", count=len(slow), path=slow[0])

    def _stand(self, survey: Survey, failed: dict[str, str], subscription: Subscription) -> None:
        standing = self._standing
        standing.failed = {**survey.troubles, **dict.fromkeys(survey.missing, MISSING), **failed}
        standing.subscribed = len(subscription.subscribed)
        if standing.failed:
            path, why = next(iter(standing.failed.items()))
            _log.warning("signals are not collected", count=len(standing.failed), path=path, reason=why)

    def _watch_silence(self, watch: SilenceWatch, subscription: Subscription, *, record: bool) -> None:
        subscribed = np.array(sorted(subscription.subscribed), np.int64)
        silent = watch.silent(subscribed)
        paths = [self._intake.table.specs[slot].path for slot in silent.tolist()]
        if paths and (record or paths != self._standing.silent):
            self._intake.tracker.record_silence(silent)
            self._intake.flush()
        self._standing.silent = paths


__all__ = ["ConnectorError", "OpcUaConnector", "leave", "open_client"]
