"""Entry point: what ages in the chosen channel, by which rule, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.life import THRESHOLD_OHM
from tundish_analytics.condition.vce import CRITERION_PERCENT, WARNING_PERCENT
from tundish_app_igbt_ageing.resistance import resistance_of
from tundish_app_igbt_ageing.screen import missing_screen, screen
from tundish_app_igbt_ageing.voltage import drift_of, seconds_of
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_igbt_ageing.resistance import Resistance
    from tundish_app_igbt_ageing.voltage import Drift
    from tundish_platform.sdk import SignalInfo

# ECPE AQG 324: +20 % of the thermal resistance ends a power-cycling test.
THERMAL_PERCENT: Final = 20.0
_MEASURED: Final = ("vce", "rds", "rth")
_BESIDE: Final = ("current", "temperature", "device")
_FEW: Final = 5
_RECENT: Final = 20


@dataclass(frozen=True, slots=True)
class Thermal:
    """Thermal resistance against the window's beginning."""

    times: NDArray[np.datetime64]
    percent: NDArray[np.float64]

    @property
    def newest(self) -> float:
        """Median of the last twenty, in percent above the beginning."""
        return float(np.median(self.percent[-_RECENT:]))


@dataclass(frozen=True, slots=True)
class Aged:
    """What was found in each channel's quantities, None where one is not measured or cannot be told.

    Attributes:
        channels: paths of the channels, by quantity.
        why_no_voltage: what the voltage lacks, zh and en; empty where nothing does.
    """

    channels: dict[str, str]
    drift: Drift | None
    resistance: Resistance | None
    thermal: Thermal | None
    why_no_voltage: tuple[str, str] | None

    @property
    def falling(self) -> bool:
        """Whether the voltage has fallen further than the warning limit, for which there is no rule."""
        now = self.drift.newest if self.drift else None
        return now is not None and now.percent <= -WARNING_PERCENT

    @property
    def progress(self) -> dict[str, float]:
        """Per rule, percent of the way to the end of life."""
        found = {}
        now = self.drift.newest if self.drift else None
        if now is not None and not self.falling:
            found["vce"] = 100 * max(now.percent, 0.0) / CRITERION_PERCENT
        if self.resistance is not None:
            found["rds"] = 100 * max(self.resistance.smooth, 0.0) / THRESHOLD_OHM
        if self.thermal is not None:
            found["rth"] = 100 * max(self.thermal.newest, 0.0) / THERMAL_PERCENT
        return found


def run(inputs: AppInputs) -> AppOutputs:
    """Judge the window."""
    missing = inputs.missing()
    if missing:
        return AppOutputs(missing=missing, screen=missing_screen())
    aged = _judge(inputs)
    progress = aged.progress
    rule = max(progress, key=lambda key: progress[key]) if progress else None
    now = aged.drift.newest if aged.drift else None
    found = aged.resistance
    values: dict[str, float | str | None] = {
        "end_of_life": progress[rule] if rule else None,
        "rule": rule or ("vce_falling" if aged.falling else None),
        "vce_drift": now.percent if now else None,
        "vce_drift_p10": now.low if now else None,
        "vce_drift_p90": now.high if now else None,
        "rth_drift": aged.thermal.newest if aged.thermal else None,
        "rds_delta": found.smooth if found else None,
        "records_left": found.left if found else None,
        "records_left_p10": found.low if found else None,
        "records_left_p90": found.high if found else None,
    }
    return AppOutputs(values=window_values(values, inputs.end), screen=screen(aged, progress))


def _judge(inputs: AppInputs) -> Aged:
    chosen = {key: signal for key in _MEASURED if (signal := _chosen(inputs, key)) is not None}
    drift, why = None, None
    if "vce" in chosen:
        near = _beside(inputs, chosen["vce"])
        try:
            drift = _drift(inputs, chosen["vce"], near)
        except KeyError:
            why = (
                "同一通道没有负载电流或封装温度",
                "its channel has no load current or no package temperature",
            )
        except ValueError as error:
            why = ("热稳定后的脉冲不足", str(error))
    resistance = None
    if "rds" in chosen:
        resistance = resistance_of(inputs, chosen["rds"], _beside(inputs, chosen["rds"]).get("device"))
    thermal = _thermal(inputs, chosen["rth"]) if "rth" in chosen else None
    channels = {key: signal.path.rpartition("/")[0] for key, signal in chosen.items()}
    return Aged(channels, drift, resistance, thermal, why)


def _drift(inputs: AppInputs, voltage: SignalInfo, near: dict[str, SignalInfo]) -> Drift:
    given = inputs.parameters.get("baseline_v"), inputs.parameters.get("match_c")
    rows = seconds_of(inputs, voltage, near)
    fixed = None if None in given else (float(given[0] or 0.0), float(given[1] or 0.0))
    return drift_of(rows, fixed)


def _thermal(inputs: AppInputs, signal: SignalInfo) -> Thermal | None:
    times, values = inputs.good(signal)
    if values.size < 2 * _FEW:
        return None
    start = float(np.median(values[:_RECENT]))
    return Thermal(times, 100 * (values / start - 1)) if start > 0 else None


def _chosen(inputs: AppInputs, key: str) -> SignalInfo | None:
    """The channel asked for, else the first by path."""
    asked = str(inputs.parameters.get("channel", ""))
    found = [s for s in inputs.found(key) if not asked or s.path.startswith(f"{asked}/")]
    return found[0] if found else None


def _beside(inputs: AppInputs, signal: SignalInfo) -> dict[str, SignalInfo]:
    channel = signal.path.rpartition("/")[0]
    return {
        key: other
        for key in _BESIDE
        for other in inputs.found(key)
        if other.path.rpartition("/")[0] == channel
    }
