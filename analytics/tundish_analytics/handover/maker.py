"""Makes what a shift's report says of the samples of a place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_analytics.handover.control import judgeable, out_of_control
from tundish_analytics.handover.figures import Counted, judge
from tundish_analytics.handover.reading import choose, counted, energy_kwh, values_of, words_held
from tundish_analytics.oee.hearing import heard
from tundish_platform.api.completeness import source_now
from tundish_platform.api.queries import DERIVED
from tundish_platform.handover import lines_below, places_of, planned_for, signals_below
from tundish_platform.handover.facts import (
    MAX_LISTED,
    CountFact,
    DataFact,
    GapFact,
    HandoverFacts,
    LineFact,
    NamedFact,
    QualityFact,
    ShiftFact,
)
from tundish_platform.handover.happenings import happened
from tundish_platform.handover.plans import moment
from tundish_platform.samples.shifts import instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_platform.assets import Place
    from tundish_platform.handover.plans import Planned
    from tundish_platform.handover.specs import ShiftPlanView
    from tundish_platform.samples import SignalInfo
    from tundish_platform.samples.shifts import Shift
    from tundish_platform.store.access import TelemetryAccess
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

# Quality signals of a line that are judged, and how many days before the shift they are judged by.
_MOST_JUDGED: Final = 60
_BASELINE: Final = timedelta(days=3)
_MOST_VALUES: Final = 5_000
_MOST_LINES: Final = 60


class ReportMaker:
    """Makes reports' facts; a call reads samples and metadata and writes nothing.

    Args:
        metadata: where plans, signals, alarms and alerts are.
        telemetry: the samples.
    """

    def __init__(self, metadata: Metadata, telemetry: TelemetryAccess) -> None:
        self._metadata = metadata
        self._telemetry = telemetry

    def __call__(self, scope: TenantScope, planned: Planned, shift: Shift, now: datetime) -> HandoverFacts:
        """What the report of a shift at a place says, up to its end or to now.

        Args:
            scope: may read at the place.
            planned: the place with its shifts.
            shift: one of them, begun before now.
            now: the platform's clock.

        Raises:
            AccessDenied: the scope may not read there.
            ValueError: the shift has not begun.
        """
        until = min(shift.end, instant(now))
        if until <= shift.start:
            raise ValueError("the shift has not begun")
        with self._metadata.of(scope).session() as session:
            named = next((p for p in places_of(session, scope) if p.path == planned.path), None)
            lines = lines_below(session, scope, planned.path)[:_MOST_LINES]
            plans = planned_for(session, scope, [line.path for line in lines])
            signals = {line.path: signals_below(session, scope, line.path) for line in lines}
            what = happened(session, scope, planned.path, moment(shift.start), moment(until))
        spec = planned.named[shift.name]
        return HandoverFacts(
            path=planned.path,
            name_zh=named.name_zh if named else planned.path,
            name_en=named.name_en if named else planned.path,
            zone=planned.calendar.zone if planned.calendar else "UTC",
            shift=ShiftFact(
                code=shift.name, name_zh=spec.name_zh, name_en=spec.name_en,
                production_date=shift.production_date, starts_at=moment(shift.start),
                ends_at=moment(shift.end),
            ),
            until=moment(until),
            lines=tuple(
                self.line(scope, line, signals[line.path], plans[line.path].plan, shift, until)
                for line in lines
            ),
            **what._asdict(),
        )  # fmt: skip

    def line(
        self, scope: TenantScope, line: Place, known: Sequence[SignalInfo], plan: ShiftPlanView | None,
        shift: Shift, until: int, *, brief: bool = False,
    ) -> LineFact:  # fmt: skip
        """One line's part; a brief one leaves out quality, energy and data.

        Args:
            scope: may read the line.
            line: its path and names.
            known: its signals.
            plan: its own, if it has one.
            shift: which.
            until: µs UTC, in the shift.
            brief: for screens that ask every few seconds.
        """
        own = [signal for signal in known if signal.role not in DERIVED]
        paths = (plan.state, plan.total, plan.rejects) if plan else ("", "", "")
        ideal_s, target = (plan.ideal_s, plan.target) if plan else (None, None)
        chosen = choose(own, *paths)
        told = None
        if chosen.state is not None:
            known_until = min(self._heard_until(scope, own), until)
            ends = (shift.start, until, known_until)
            state = words_held(self._telemetry, scope, chosen.state, *ends)
            reason = words_held(self._telemetry, scope, chosen.reason, *ends) if chosen.reason else None
            told = heard(state, shift.start, until, reason=reason)
        total, rejects = (
            counted(self._telemetry, scope, one, shift.start, until, ideal_s) if one else None
            for one in (chosen.total, chosen.rejects)
        )
        judged = judge(told, shift, until, total, rejects, ideal_s)
        doubts = [*chosen.ambiguous, *judged.warnings, *_doubts(total, rejects)]
        if told is not None and told.unread:
            doubts.append("UNREAD_STATES")
        more = {} if brief else self._more(scope, own, chosen.energy, chosen.quality, shift.start, until)
        if more.pop("part", False):
            doubts.append("ENERGY_PART")
        return LineFact(
            path=line.path, name_zh=line.name_zh, name_en=line.name_en,
            state_by=chosen.state.path if chosen.state else "", oee=judged.oee,
            availability=judged.availability, performance=judged.performance, quality=judged.quality,
            seconds=judged.seconds, losses=judged.losses, ideal_s=ideal_s,
            counts=_counts(total, rejects, target, chosen.total, shift.start, until),
            stop_count=judged.stop_count, stops=judged.stops, warnings=tuple(doubts), **more,
        )  # fmt: skip

    def _more(
        self, scope: TenantScope, own: Sequence[SignalInfo], meters: Sequence[SignalInfo],
        quality: Sequence[SignalInfo], start: int, until: int,
    ) -> dict[str, Any]:  # fmt: skip
        kwh, part = energy_kwh(self._telemetry, scope, meters, start, until)
        found, judged = self._quality(scope, quality[:_MOST_JUDGED], start, until)
        return {
            "energy_kwh": kwh, "part": part, "energy_signals": len(meters), "out_of_control": found,
            "judged_signals": judged, "data": self._data(scope, own, moment(start), moment(until)),
        }  # fmt: skip

    def _heard_until(self, scope: TenantScope, own: Sequence[SignalInfo]) -> int:
        """Up to when the line has been heard of: one that fell silent is not running still."""
        table = self._telemetry.latest(scope, [signal.id for signal in own])
        newest = source_now(table["ts"].to_pylist())
        return instant(newest) + 1 if newest is not None else 0

    def _quality(
        self, scope: TenantScope, signals: Sequence[SignalInfo], start: int, until: int
    ) -> tuple[tuple[QualityFact, ...], int]:
        """Signals out of control, and how many were judged."""
        values = []
        for signal in signals:
            _, before = values_of(self._telemetry, scope, signal, moment(start) - _BASELINE, moment(start))
            at, now = values_of(self._telemetry, scope, signal, moment(start), moment(until))
            if judgeable(before[-_MOST_VALUES:], now):
                values.append((signal, before[-_MOST_VALUES:], at, now))
        found = []
        for signal, before, at, now in values:
            out = out_of_control(before, now, len(values))
            if out is not None:
                found.append(
                    QualityFact(
                        **_named(signal), unit=signal.unit, judged=now.size, outside=out.outside.size,
                        usual=out.usual, centre=out.centre, sigma=out.sigma, baseline=before.size,
                        last=moment(int(at[out.outside[-1]])),
                    )
                )  # fmt: skip
        return tuple(found), len(values)

    def _data(
        self, scope: TenantScope, own: Sequence[SignalInfo], start: datetime, end: datetime
    ) -> DataFact:
        periodic = {signal.id: signal for signal in own if signal.period_s is not None}
        if not periodic:
            return DataFact()
        rows = self._telemetry.summary(scope, list(periodic.values()), start, end).to_pylist()
        shares = {row["signal"]: row["completeness"] or 0.0 for row in rows}
        silent = [periodic[row["signal"]] for row in rows if row["count"] == 0]
        gaps = self._telemetry.gaps(scope, list(periodic), start, end).to_pylist()
        told = [
            GapFact(
                **_named(periodic[gap["signal"]]), start=max(gap["ts"], start), end=min(gap["end"], end),
                reason=str(gap["reason"]),
            )
            for gap in gaps
        ]  # fmt: skip
        told.sort(key=lambda gap: (gap.start - gap.end, gap.start, gap.path))
        return DataFact(
            share=float(np.mean(list(shares.values()))) if shares else None, signals=len(periodic),
            silent_count=len(silent), gap_count=len(told), gaps=tuple(told[:MAX_LISTED]),
            silent=tuple(NamedFact(**_named(signal)) for signal in silent[:MAX_LISTED]),
        )  # fmt: skip


def _counts(
    total: Counted | None, rejects: Counted | None, target: float | None, by: SignalInfo | None, start: int,
    until: int,
) -> CountFact:  # fmt: skip
    made = total.within(start, until) if total else None
    bad = rejects.within(start, until) if rejects else None
    good = max(made - bad, 0.0) if made is not None and bad is not None else None
    return CountFact(total=made, good=good, rejects=bad, target=target, by=by.path if by else "")


def _doubts(*found: Counted | None) -> list[str]:
    known = [one for one in found if one is not None]
    doubts = ["COUNTER_RESET"] if any(one.resets for one in known) else []
    return [*doubts, *(["COUNT_SUSPECT"] if any(one.suspects for one in known) else [])]


def _named(signal: SignalInfo) -> dict[str, str]:
    return {"path": signal.path, "name_zh": signal.name_zh, "name_en": signal.name_en}
