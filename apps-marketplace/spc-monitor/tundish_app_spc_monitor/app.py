"""Entry point: chart every granted signal, judge the most suitable one, say what the limits are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_analytics.spc import DEFAULT_RULES, Capability, IndividualsChart, capability, individuals
from tundish_app_spc_monitor.screen import empty_screen, screen
from tundish_app_spc_monitor.series import Series, series_of
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_analytics.spc import RunRule


@dataclass(frozen=True, slots=True)
class Judged:
    """A series with its chart and what the rules found on it.

    Attributes:
        flags: per rule the indices of flagged points; empty where the limits are invalid.
    """

    series: Series
    chart: IndividualsChart
    flags: tuple[tuple[RunRule, tuple[int, ...]], ...]

    @property
    def valid(self) -> bool:
        """Whether the chart may judge: independent points with a spread."""
        return self.series.independent and self.chart.sigma > 0

    @property
    def flagged(self) -> set[int]:
        """Indices of all flagged points."""
        return {index for _, found in self.flags for index in found}

    @property
    def verdict(self) -> str:
        """``limits_invalid``, ``signals`` or ``in_control``."""
        if not self.valid:
            return "limits_invalid"
        return "signals" if self.flagged else "in_control"


def run(inputs: AppInputs) -> AppOutputs:
    """Chart the window."""
    missing = inputs.missing()
    if missing:
        return AppOutputs(missing=missing, screen=empty_screen())
    found = (series_of(inputs, signal) for signal in inputs.found("values"))
    judged = [_judge(series) for series in found if series is not None]
    chosen = _choose(judged, str(inputs.parameters.get("signal", "")))
    if chosen is None:
        values: dict[str, float | str | None] = {"points": 0.0, "alarms": None, "verdict": "no_data"}
        return AppOutputs(values=window_values(values, inputs.end), screen=empty_screen())
    ability = _ability(inputs, chosen)
    values = {
        "points": float(chosen.series.count),
        "alarms": float(len(chosen.flagged)) if chosen.valid else None,
        "autocorrelation": chosen.series.correlation,
        "cpk": ability.cpk if ability else None,
        "verdict": chosen.verdict,
        "signal": chosen.series.signal.path,
    }
    shown = screen(chosen, judged, ability)
    return AppOutputs(values=window_values(values, _newest(inputs, chosen)), screen=shown)


def _judge(series: Series) -> Judged:
    chart = individuals(series.points)
    if not series.independent or chart.sigma == 0:
        return Judged(series, chart, ())
    z = chart.standardised()
    return Judged(series, chart, tuple((rule, tuple(rule.find(z))) for rule in DEFAULT_RULES))


def _choose(judged: list[Judged], path: str) -> Judged | None:
    """The signal asked for; else valid charts, then results before measurements, then many points."""
    if path:
        return next((j for j in judged if j.series.signal.path == path), None)
    ranked = sorted(
        judged,
        key=lambda j: (
            not j.valid,
            j.series.signal.role.value != "result",
            -j.series.count,
            abs(j.series.correlation),
            j.series.signal.path,
        ),
    )
    return ranked[0] if ranked else None


def _ability(inputs: AppInputs, judged: Judged) -> Capability | None:
    lower, upper = (inputs.parameters.get(key) for key in ("lower_spec", "upper_spec"))
    if not judged.valid:
        return None
    return capability(
        judged.chart.centre,
        judged.chart.sigma,
        judged.series.count,
        float(lower) if lower is not None else None,
        float(upper) if upper is not None else None,
    )


def _newest(inputs: AppInputs, judged: Judged) -> datetime:
    newest: datetime = inputs.samples(judged.series.signal).column("ts")[-1].as_py()
    return newest
