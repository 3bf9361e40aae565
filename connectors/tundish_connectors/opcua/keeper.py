"""What is done again and again while a line stands: what is wanted against what there is, clocks, silence."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import structlog

from tundish_connectors.collect.thinning import as_thinned
from tundish_connectors.connector import RunState
from tundish_connectors.opcua.deaf import DeafWatch
from tundish_connectors.opcua.errors import clock_stepped
from tundish_connectors.opcua.holes import HoleFiller
from tundish_connectors.opcua.silence import SilenceWatch
from tundish_connectors.opcua.survey import Survey, survey_server
from tundish_connectors.opcua.times import micros_of
from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncua import ua
    from numpy.typing import NDArray

    from tundish_connectors.collect.numbers import SignalNumbers
    from tundish_connectors.connector import Report
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.opcua.limits import Profile
    from tundish_connectors.opcua.retries import Retries
    from tundish_connectors.opcua.session import RawSession
    from tundish_connectors.opcua.subscription import Subscription
    from tundish_platform.samples import SignalSpec

_log = structlog.get_logger(__name__)
_TICK_S = 1.0
_CHECKPOINT_TICKS = 5
_SILENCE_TICKS = 10
_CLOCK_TOLD_S = 3600.0
NOT_NUMBERED = "waits for the platform to number it"
MISSING = "expected by the line kit, but the server does not have it"


@dataclass
class Standing:
    """How the signals of a connection stand, for people.

    Attributes:
        failed: path and reason of what is not collected.
        subscribed: signals with a monitored item.
        silent: paths that should send and do not.
        clock_steps: how often the server's clock was seen to step.
        renewed: items that were deaf and have been made anew.
    """

    failed: dict[str, str] = field(default_factory=dict)
    subscribed: int = 0
    silent: list[str] = field(default_factory=list)
    clock_steps: int = 0
    renewed: int = 0


@dataclass
class Keeper:
    """Keeps one subscription as it should be; made anew for each line.

    Attributes:
        wanted: the list of what is to be collected, by slot; it outlives lines.
    """

    session: RawSession
    subscription: Subscription
    intake: Intake
    connection: OpcUaConnection
    numbers: SignalNumbers
    profile: Profile
    standing: Standing
    wanted: dict[int, ua.NodeId]
    retries: Retries

    def __post_init__(self) -> None:
        publishing_s = self.subscription.publishing_s
        self._silence = SilenceWatch(self.intake.table, self.intake.tracker, publishing_s)
        self._deaf = DeafWatch(self.intake.tracker, publishing_s)
        self._filler = HoleFiller(self.intake)
        self._clock_told: float | None = None

    async def keep(self, report: Report) -> None:
        """Go on until a call fails.

        Args:
            report: told of a step of the server's clock, for an hour.

        Raises:
            asyncua.ua.UaError, OSError, TimeoutError: as the call raised them.
        """
        reconcile_ticks = max(1, round(self.connection.reconcile_s / _TICK_S))
        pulse_ticks = max(1, round(self.connection.keep_alive_s / _TICK_S))
        tick = 0
        while True:
            await asyncio.sleep(_TICK_S)
            tick += 1
            await self._watch_silence(report, record=tick % _SILENCE_TICKS == 0)
            if tick % _CHECKPOINT_TICKS == 0:
                self.intake.save()
            if tick % pulse_ticks == 0:
                await self._beat(report)
            if tick % reconcile_ticks == 0:
                await self.check()
            elif self.retries.due(time.monotonic()):
                await self.survey()
            await self._mend()

    async def _beat(self, report: Report) -> None:
        beat = await self.subscription.pulse.beat(self.session)
        self._silence.clock(beat.step_s)
        now = time.monotonic()
        if beat.step_s:
            self.standing.clock_steps += 1
            self._clock_told = now
            if beat.step_s < 0 and beat.now is not None:
                self.intake.tracker.rewind(micros_of(beat.now))
            error = clock_stepped(self.connection.url, beat.step_s)
            _log.warning("the server's clock has stepped", reason=error.message_en)
            report(RunState.RUNNING, error)
        elif self._clock_told is not None and now - self._clock_told > _CLOCK_TOLD_S:
            self._clock_told = None
            report(RunState.RUNNING)

    async def _mend(self) -> None:
        """Fill holes, ask for present values after a loss, and make deaf items anew."""
        await self.subscription.resend()
        await self._filler.fill(self.session, self.subscription.items.granted)
        self._deaf.note()
        deaf = await self._deaf.look(self.subscription.items, self.profile.read)
        if deaf:
            _log.warning("items do not deliver and are made anew", count=len(deaf))
            self.standing.renewed += len(deaf)
            self.intake.tracker.mark(GapReason.SILENT, np.array(deaf, np.int64))
            self._failed(await self.subscription.items.renew(deaf))

    async def check(self) -> None:
        """Compare the items that the server has with the list, and make those anew that it lacks."""
        lacking = await self.subscription.items.lacking()
        lost = {slot for slot in self.wanted if slot not in self.subscription.subscribed}
        if lacking:
            _log.warning("the server has lost monitored items", count=len(lacking))
            self.intake.tracker.mark(GapReason.DISCONNECTED, np.array(sorted(lacking), np.int64))
            again = [(slot, self.wanted[slot]) for slot in sorted(lacking) if slot in self.wanted]
            self._failed(await self.subscription.add(again))
        self.standing.subscribed = len(self.subscription.subscribed)
        if self.standing.failed or lost - lacking:
            await self.survey()

    async def survey(self) -> None:
        """Look at the server's tree, and subscribe to what is desired and lacks."""
        survey = await survey_server(self.session, self.connection, profile=self.profile)
        specs = [one.spec for one in survey.desired]
        numbers = await asyncio.to_thread(self.numbers.declare, self._as_declared(specs)) if specs else {}
        desired = [one for one in survey.desired if one.spec.path in numbers]
        slots = self.intake.bind(desired, numbers)
        self.wanted.clear()
        self.wanted.update(zip(slots, (one.node_id for one in desired), strict=True))
        await self._follow_moved()
        items = [
            (slot, node) for slot, node in self.wanted.items() if slot not in self.subscription.subscribed
        ]
        refused = await self.subscription.add(items)
        troubles = {spec.path: NOT_NUMBERED for spec in specs if spec.path not in numbers}
        self._stand(survey, troubles, refused)
        self._warn_of_slow_sampling()

    async def _follow_moved(self) -> None:
        """Drop items that nobody wants any more, or whose node got another id with its namespace's index."""
        granted = self.subscription.items.granted
        moved = [slot for slot, one in granted.items() if self.wanted.get(slot) != one.node]
        if moved:
            self.intake.tracker.mark(GapReason.DISCONNECTED, np.array(moved, np.int64))
            await self.subscription.items.drop(moved)

    def _failed(self, refused: dict[int, str]) -> None:
        specs = self.intake.table.specs
        self.standing.failed |= {specs[slot].path: why for slot, why in refused.items()}
        self.standing.subscribed = len(self.subscription.subscribed)
        self.retries.note(bool(self.standing.failed), time.monotonic())

    def _stand(self, survey: Survey, troubles: dict[str, str], refused: dict[int, str]) -> None:
        standing = self.standing
        standing.failed = {**survey.troubles, **dict.fromkeys(survey.missing, MISSING), **troubles}
        self._failed(refused)
        if standing.failed:
            path, why = next(iter(standing.failed.items()))
            _log.warning("signals are not collected", count=len(standing.failed), path=path, reason=why)

    def _warn_of_slow_sampling(self) -> None:
        specs = self.intake.table.specs
        slow = [
            specs[slot].path
            for slot, granted_ms in self.subscription.sampling_ms.items()
            if granted_ms > 1000 * (specs[slot].period_s or granted_ms)
        ]
        if slow:
            _log.warning("the server looks less often than values come", count=len(slow), path=slow[0])

    async def _watch_silence(self, report: Report, *, record: bool) -> None:
        paths, silent = self._silent()
        if set(paths) - set(self.standing.silent):
            # Before it is recorded: was it the clock that went on, and not the signals that stood still?
            await self._beat(report)
            paths, silent = self._silent()
        if paths and (record or paths != self.standing.silent):
            self.intake.tracker.record_silence(silent)
            self.intake.flush()
        self.standing.silent = paths

    def _silent(self) -> tuple[list[str], NDArray[np.int64]]:
        silent = self._silence.silent(np.array(sorted(self.subscription.subscribed), np.int64))
        return [self.intake.table.specs[slot].path for slot in silent.tolist()], silent

    def _as_declared(self, specs: Sequence[SignalSpec]) -> list[SignalSpec]:
        return [as_thinned(self.connection.thin, spec) for spec in specs]


__all__ = ["MISSING", "NOT_NUMBERED", "Keeper", "Standing"]
