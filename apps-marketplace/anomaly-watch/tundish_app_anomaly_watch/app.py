"""Entry point: choose the machine, learn from its day, judge its last hours."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_app_anomaly_watch.screen import few_screen, missing_screen, screen, short_screen
from tundish_platform.sdk import AppInputs, AppOutputs, window_values

if TYPE_CHECKING:
    from tundish_platform.sdk import SignalInfo

_MOST_SIGNALS: Final = 100
_LEAST_SIGNALS: Final = 5
_HOUR: Final = 3600.0


def run(inputs: AppInputs) -> AppOutputs:
    """Judge the window."""
    missing = inputs.missing()
    if missing:
        return AppOutputs(missing=missing, screen=missing_screen())
    machine, signals = _machine(inputs)
    if len(signals) < _LEAST_SIGNALS:
        values: dict[str, float | str | None] = {"verdict": "few_signals", "watched": float(len(signals))}
        return AppOutputs(values=window_values(values, inputs.end), screen=few_screen(machine, len(signals)))
    # Loaded here, because scikit-learn takes longer to load than most windows take to judge.
    from tundish_analytics.anomaly import TooLittle  # noqa: PLC0415 - see above
    from tundish_app_anomaly_watch.watched import watch  # noqa: PLC0415 - the same

    settings = inputs.parameters
    judged_s, width_s = float(settings.get("judge_h", 4)) * _HOUR, float(settings.get("width_s", 60))
    try:
        found = watch(inputs, signals, judged_s, width_s, float(settings.get("alpha", 0.01)))
    except TooLittle as error:
        values = {"verdict": "too_little", "watched": float(len(signals))}
        return AppOutputs(values=window_values(values, inputs.end), screen=short_screen(machine, str(error)))
    told = np.isfinite(found.unusual)
    newest = float(found.unusual[-1]) if told.size and told[-1] else None
    values = {
        "unusual": newest,
        "alarm_share": float(found.alarms.sum() / told.sum()) if told.any() else None,
        "verdict": "no_statement" if newest is None else ("unusual" if found.alarms[-1] else "usual"),
        "leading": found.parts[0].signal.path if found.parts and found.alarms.any() else None,
        "watched": float(len(found.signals)),
        "completeness": float(found.complete.mean()),
        "machine": machine,
    }
    return AppOutputs(values=window_values(values, inputs.end), screen=screen(machine, found))


def _machine(inputs: AppInputs) -> tuple[str, tuple[SignalInfo, ...]]:
    """The machine asked for, else the one with most signals; its signals whose period is known."""
    by_machine: defaultdict[str, list[SignalInfo]] = defaultdict(list)
    for signal in inputs.found("signals"):
        if signal.period_s is not None:
            by_machine[signal.machine].append(signal)
    asked = str(inputs.parameters.get("machine", ""))
    names = [asked] if asked else sorted(by_machine, key=lambda name: (-len(by_machine[name]), name))
    name = names[0] if names else ""
    return name, tuple(by_machine.get(name, ())[:_MOST_SIGNALS])
