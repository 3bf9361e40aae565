"""Entry point: every machine with a state, split by the plan; figures of the chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_analytics.oee.machine import judge_machine
from tundish_app_oee_pareto.plan import planned
from tundish_app_oee_pareto.screen import missing_screen, plan_screen, screen
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from tundish_analytics.oee.calendar import Shift
    from tundish_analytics.oee.machine import Judged
    from tundish_platform.sdk import SignalInfo

_MOST_MACHINES: Final = 40
_BESIDE: Final = ("mode", "total", "rejects", "pieces", "cycles", "reason")


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
    limit, ideal = inputs.parameters.get("micro_stop_s", 120), inputs.parameters.get("ideal_cycle_s")
    return judge_machine(
        inputs, state, _beside(inputs, state), shifts,
        ideal_s=None if ideal is None else float(ideal), micro_stop_s=float(limit),
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
