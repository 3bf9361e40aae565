"""Entry point: choose the vibration there is, hold it against its beginning, tell stage and course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_app_bearing_health.blocks import Blocks, NoRate, of_rms, of_waveforms
from tundish_app_bearing_health.health import judge
from tundish_app_bearing_health.screen import few_screen, missing_screen, rate_screen, screen
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from tundish_platform.sdk import SignalInfo

# Waveforms tell more than their RMS, and acceleration shows impacts that velocity does not.
_KEYS: Final = ("waveform", "acceleration", "velocity")


def run(inputs: AppInputs) -> AppOutputs:
    """Judge the window."""
    missing, chosen = inputs.missing(), _choose(inputs)
    if missing or chosen is None:
        return AppOutputs(missing=missing or _KEYS, screen=missing_screen())
    key, signal = chosen
    try:
        blocks = _blocks(inputs, key, signal)
    except NoRate:
        return AppOutputs(screen=rate_screen(signal))
    baseline, limit = (_number(inputs, name) for name in ("baseline", "limit"))
    health = judge(blocks, baseline, limit)
    if health is None:
        values: dict[str, float | str | None] = {
            "stage": "too_little",
            "completeness": blocks.completeness,
            "signal": signal.path,
        }
        return AppOutputs(values=window_values(values, inputs.end), screen=few_screen(signal, blocks))
    passed = health.passage
    values = {
        "change": health.change.value,
        "change_p5": health.change.low,
        "change_p95": health.change.high,
        "stage": health.stage,
        "hours_to_limit": _finite(passed.median) if passed else None,
        "hours_p10": _finite(passed.low) if passed else None,
        "hours_p90": _finite(passed.high) if passed else None,
        "completeness": blocks.completeness,
        "signal": signal.path,
    }
    shown = screen(signal, blocks, health, given=baseline is not None)
    return AppOutputs(values=window_values(values, inputs.end), screen=shown)


def _choose(inputs: AppInputs) -> tuple[str, SignalInfo] | None:
    path = inputs.parameters.get("signal")
    found = [(key, signal) for key in _KEYS for signal in inputs.found(key)]
    return next((pair for pair in found if path in (None, pair[1].path)), None)


def _blocks(inputs: AppInputs, key: str, signal: SignalInfo) -> Blocks:
    least = _number(inputs, "least") or 0.0
    if key != "waveform":
        return of_rms(inputs, signal, least)
    part = signal.path.rpartition("/")[0]
    beside = [s for s in inputs.found("rate") if s.path.rpartition("/")[0] == part]
    return of_waveforms(inputs, signal, beside[0] if beside else None, least)


def _number(inputs: AppInputs, name: str) -> float | None:
    """A parameter that is a positive number, else None."""
    given = inputs.parameters.get(name)
    return float(given) if given is not None and float(given) > 0 else None


def _finite(hours: float) -> float | None:
    """An upper end may be infinite: the limit may never be passed."""
    return hours if hours < float("inf") else None
