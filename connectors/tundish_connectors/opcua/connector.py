"""`OpcUaConnector`: connects, finds the signals, subscribes, and keeps at it over cuts and restarts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from asyncua.ua.uaerrors import UaError

from tundish_connectors.collect.numbers import SignalNumbers
from tundish_connectors.connector import ConnectorError, ErrorKind, Report, RunState
from tundish_connectors.delivery.protocol import SignalTrouble, Subscribed
from tundish_connectors.opcua.errors import MALFORMED, SubscriptionGone, classify
from tundish_connectors.opcua.keeper import MISSING, NOT_NUMBERED, Keeper, Standing
from tundish_connectors.opcua.limits import Profile, read_limits
from tundish_connectors.opcua.line import Line, Opened, leave, open_client
from tundish_connectors.opcua.pulse import Pulse
from tundish_connectors.opcua.retries import Retries
from tundish_connectors.opcua.subscription import Subscription

if TYPE_CHECKING:
    from datetime import datetime

    from asyncua import ua

    from tundish_connectors.delivery import Delivery
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.spool import Spool

_log = structlog.get_logger(__name__)


class OpcUaConnector:
    """Collects from one OPC UA server into a spool.

    The list of what is wanted, the subscription and what the server can bear are kept here: lines and
    sessions come and go.
    """

    def __init__(self, connection: OpcUaConnection, spool: Spool, delivery: Delivery, intake: Intake) -> None:
        self._connection = connection
        self._intake = intake
        self._numbers = SignalNumbers(connection.name, delivery, spool, connection.state_dir / "signals.json")
        self._standing = Standing()
        self._line = Line(connection)
        self._profile = Profile()
        self._pulse = Pulse(connection.keep_alive_s, self._profile.read)
        self._retries = Retries(limit_s=max(connection.reconcile_s, 5.0))
        self._wanted: dict[int, ua.NodeId] = {}
        self._subscription: Subscription | None = None
        self._started: datetime | None = None
        self._opened = 0

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    @property
    def standing(self) -> Standing:
        """How the signals stand."""
        return self._standing

    def subscribed(self) -> Subscribed:
        """How the signals stand, for the heartbeat."""
        standing = self._standing
        return Subscribed(
            subscribed=standing.subscribed,
            failed=[SignalTrouble(path=path, reason=why) for path, why in sorted(standing.failed.items())],
            silent=standing.silent,
        )

    def details(self) -> dict[str, Any]:
        """The server as it showed itself: subscription, limits, clock, and what had to be mended."""
        held, standing = self._subscription, self._standing
        return {
            "server_started": self._started.isoformat() if self._started else None,
            "lines_opened": self._opened,
            "subscription": held.number if held else None,
            "publishing_s": held.publishing_s if held else None,
            "keep_alive_s": held.publishing.keep_alive_s if held else None,
            "items": standing.subscribed,
            "items_made_anew": standing.renewed,
            "shortest_queue": held.items.shortest_queue if held else None,
            "items_per_call": self._profile.items.size,
            "nodes_per_read": self._profile.read.size,
            "clock_steps": standing.clock_steps,
            "mended_values": self._intake.oddities,
        }

    async def run(self, report: Report) -> None:
        """Collect until the task is cancelled or the server cannot be reached.

        A line that breaks after it has run is opened again at once; the runner waits only between tries that
        come to nothing.

        Raises:
            ConnectorError: retry or fatal.
        """
        while True:
            opened = await self._line.open()
            self._opened += 1
            ran = False

            def told(state: RunState, error: ConnectorError | None = None) -> None:
                nonlocal ran
                ran = True
                report(state, error)

            try:
                await self._on(opened, told)
            except ConnectorError as error:
                if not ran or error.kind is not ErrorKind.RETRY:
                    raise
                _log.warning("the line is opened again", reason=error.message_en)
                report(RunState.CONNECTING, error)

    async def _on(self, opened: Opened, report: Report) -> None:
        try:
            await self._collect(opened, report)
        except asyncio.CancelledError:
            await self._end(opened, close=True)
            raise
        except SubscriptionGone:
            self._give_up()
            await self._end(opened, close=True)
            raise
        except ConnectorError as error:
            await self._end(opened, close=error.kind is ErrorKind.FATAL)
            raise
        except (UaError, OSError, TimeoutError, *MALFORMED) as error:
            await self._end(opened, close=False)
            raise classify(error, self._connection.url) from error

    async def _end(self, opened: Opened, *, close: bool) -> None:
        self._standing.subscribed = 0
        self._intake.flush()
        self._intake.save()
        if close:
            await self._line.close(opened)
        else:
            await self._line.drop(opened)

    async def _collect(self, opened: Opened, report: Report) -> None:
        subscription, anew = await self._take_up(opened)
        keeper = Keeper(
            opened.session,
            subscription,
            self._intake,
            self._connection,
            self._numbers,
            self._profile,
            self._standing,
            self._wanted,
            self._retries,
        )
        pump = asyncio.create_task(subscription.pump())
        keeping = asyncio.create_task(self._keep(keeper, report, anew=anew))
        try:
            await asyncio.wait({pump, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, keeping):
                task.cancel()
            results = await asyncio.gather(pump, keeping, return_exceptions=True)
        for result in sorted(results, key=lambda one: not isinstance(one, SubscriptionGone)):
            if isinstance(result, Exception):
                raise result

    async def _keep(self, keeper: Keeper, report: Report, *, anew: bool) -> None:
        if anew:
            await keeper.survey()
        else:
            await keeper.check()
        report(RunState.RUNNING)
        await keeper.keep(report)

    async def _take_up(self, opened: Opened) -> tuple[Subscription, bool]:
        """The subscription from before, if the server still has it, or a new one; and whether it is new."""
        session, held = opened.session, self._subscription
        if held is None:
            # Nothing is lost by asking first; a line that comes back is taken up first.
            self._profile.state(await read_limits(session))
        beat = await self._pulse.beat(session, self._connection.request_timeout_s)
        # After a restart the old number may belong to somebody else's subscription.
        same = beat.started is not None and beat.started == self._started
        self._started = beat.started
        if held is not None:
            if opened.reactivated or same:
                if await held.take_up(session, transfer=not opened.reactivated):
                    return held, False
                await _forget(held)
            self._give_up()
            self._profile.state(await read_limits(session))
        made = Subscription(session, self._intake, self._connection, self._profile.items, self._pulse)
        await made.create()
        self._subscription = made
        return made, True

    def _give_up(self) -> None:
        if self._subscription is not None:
            self._subscription.publishing.give_up()
            self._subscription = None


async def _forget(subscription: Subscription) -> None:
    """Have the server delete a subscription that could not be taken up, if it knows it at all."""
    try:
        await subscription.delete()
    except UaError as error:
        _log.debug("the old subscription could not be deleted", reason=type(error).__name__)


__all__ = ["MISSING", "NOT_NUMBERED", "ConnectorError", "OpcUaConnector", "leave", "open_client"]
