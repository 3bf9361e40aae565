"""Entry point: every machine with a state, split by the plan; figures of the chosen one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.confidence import confidence_of
from tundish_analytics.oee.figures import ProductCount, figures_of, losses
from tundish_analytics.oee.reliability import UNASSIGNED, pareto, reliability
from tundish_analytics.oee.timesplit import Time, classify
from tundish_app_oee_pareto.counts import count
from tundish_app_oee_pareto.plan import planned
from tundish_app_oee_pareto.screen import missing_screen, plan_screen, screen
from tundish_app_oee_pareto.states import hear
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from tundish_analytics.oee.calendar import Shift
    from tundish_analytics.oee.confidence import Confidence
    from tundish_analytics.oee.figures import Figures
    from tundish_analytics.oee.reliability import ParetoRow, Reliability
    from tundish_analytics.oee.timesplit import Pieces, TimeSplit
    from tundish_app_oee_pareto.counts import Counted
    from tundish_platform.sdk import SignalInfo

_MOST_MACHINES: Final = 40
_BESIDE: Final = ("mode", "total", "rejects", "pieces", "cycles", "reason")


@dataclass(frozen=True, slots=True)
class Judged:
    """One machine: how its time was split, what it made, and the figures of both.

    Attributes:
        counted: None where nothing counts pieces or no ideal cycle is given.
        unread: state words that mean nothing here.
    """

    state: SignalInfo
    pieces: Pieces
    time: TimeSplit
    figures: Figures
    losses: dict[str, float]
    pareto: list[ParetoRow]
    reliability: Reliability
    confidence: Confidence
    counted: Counted | None
    unread: tuple[str, ...]

    @property
    def unknown_share(self) -> float | None:
        """Of planned busy time."""
        return self.time[Time.UNKNOWN] / self.time.busy if self.time.busy else None

    @property
    def unassigned(self) -> float | None:
        """Share of lost time that nobody gave a reason for; None where nothing was lost."""
        return sum(row.share for row in self.pareto if row.reason == UNASSIGNED) if self.pareto else None

    @property
    def oee(self) -> float | None:
        """None where counts of pieces or rejects are missing: no piece is taken for good unasked."""
        if self.counted is None or self.counted.rejects is None:
            return None
        return self.figures.oee.value


def run(inputs: AppInputs) -> AppOutputs:
    """Split the window and say where the time went."""
    missing = inputs.missing()
    if missing:
        return AppOutputs(missing=missing, screen=missing_screen())
    states = sorted((*inputs.found("packml"), *inputs.found("machinery")), key=lambda s: s.path)
    asked = str(inputs.parameters.get("machine", ""))
    chosen = [s for s in states if s.path == asked or s.path.startswith(f"{asked}/")] if asked else states
    try:
        shifts = planned(inputs)
    except ValueError as error:
        return AppOutputs(screen=plan_screen(str(error)))
    if not chosen:
        return AppOutputs(screen=plan_screen(f"machine {asked!r}"))
    judged = [_judge(inputs, state, shifts) for state in [chosen[0], *states][:_MOST_MACHINES]]
    one, others = judged[0], [j for j in judged[1:] if j.state.id != chosen[0].id]
    figures, rate = one.figures, one.reliability
    values: dict[str, float | str | None] = {
        "availability": figures.availability.value,
        "performance": figures.performance.value if one.counted else None,
        "quality": figures.quality.value if one.counted and one.counted.rejects is not None else None,
        "oee": one.oee,
        "unknown_share": one.unknown_share,
        "confidence": one.confidence.grade,
        "unassigned_share": one.unassigned,
        "mtbf": None if rate.mtbf_s is None else rate.mtbf_s / 3600,
        "mttr": None if rate.mttr_s is None else rate.mttr_s / 60,
        "machine": one.state.machine,
    }
    shown = screen(inputs, one, others)
    return AppOutputs(values=window_values(values, inputs.end), screen=shown)


def _judge(inputs: AppInputs, state: SignalInfo, shifts: list[Shift]) -> Judged:
    near = _beside(inputs, state)
    heard = hear(inputs, state, near.get("mode"), near.get("reason"))
    limit = float(inputs.parameters.get("micro_stop_s", 120))
    start, end = instant(inputs.start), instant(inputs.end)
    pieces = classify(heard.states, shifts, start, end, micro_stop_s=limit)
    time = pieces.split()
    ideal = inputs.parameters.get("ideal_cycle_s")
    counted = count(inputs, near, pieces, float(ideal)) if ideal is not None and float(ideal) > 0 else None
    counts = []
    if counted is not None and ideal is not None and counted.total > 0:
        counts = [ProductCount("", float(ideal), counted.total, counted.total - (counted.rejects or 0.0))]
    agree = (counted.total, counted.other) if counted and counted.other is not None else (None, None)
    return Judged(
        state, pieces, time, figures_of(time, counts), losses(time, counts), pareto(heard.states, pieces),
        reliability(heard.states, pieces), confidence_of(time, "machine", *agree), counted, heard.unread,
    )  # fmt: skip


def _beside(inputs: AppInputs, state: SignalInfo) -> dict[str, SignalInfo]:
    """For each input the signal nearest to the state: of the same machine or of a part of it."""
    near = {}
    for key in _BESIDE:
        same = [s for s in inputs.found(key) if s.machine == state.machine]
        part = [s for s in same if s.path.rpartition("/")[0] == state.path.rpartition("/")[0]]
        if same:
            near[key] = (part or same)[0]
    return near
