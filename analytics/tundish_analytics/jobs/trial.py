"""The job of a shadow trial: the app runs window by window over history, and writes nothing.

What the app says is counted here and judged by the platform, which knows what happened.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tundish_analytics.jobs.held import Hopeless
from tundish_platform.marketplace.boundary import inputs_of
from tundish_platform.marketplace.crying import completeness, flagged, good_counts
from tundish_platform.marketplace.isolation import bubblewrap
from tundish_platform.marketplace.sandbox import run_sandboxed
from tundish_platform.sdk import missing_inputs
from tundish_platform.trials import Ended, Figure, TrialResult, WindowDone, moments, slowed
from tundish_platform.trials.result import CRASHED

if TYPE_CHECKING:
    from tundish_analytics.jobs.tools import Tell, Tools
    from tundish_platform.marketplace import App
    from tundish_platform.marketplace.sandbox import SandboxResult
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk import AppInputs
    from tundish_platform.sdk.calls.job_answers import Claimed
    from tundish_platform.sdk.calls.trial_answers import Trial

CRASHES: Final = 5
"""So many failed runs in a row end a trial: the app would only fail again."""

_LEAST_COMPLETE: Final = 0.5
_COLUMNS: Final = ["signal", "ts", "value", "status"]
_MOST_TEXTS: Final = 5


@dataclass
class _Course:
    """How a trial goes."""

    app: App
    windows: list[WindowDone] = field(default_factory=list)
    said: dict[str, list[float | str]] = field(default_factory=dict)
    last: SandboxResult | None = None
    detail: str = ""
    in_a_row: int = 0

    def took(self, window: WindowDone, result: SandboxResult | None) -> None:
        self.windows.append(window)
        if result is None:
            return
        self.last = result
        self.in_a_row = self.in_a_row + 1 if window.ended in CRASHED else 0
        if window.ended in CRASHED:
            self.detail = result.detail[-2_000:].replace("\x00", "")
        for key, column in (result.outputs.told() if result.outputs else {}).items():
            self.said.setdefault(key, []).extend(column.value.drop_null().to_pylist())


def try_app(tools: Tools, job: Claimed, tell: Tell) -> dict[str, Any]:
    """Run the app over the trial's stretch of history and hand back what it said.

    Raises:
        Hopeless: this worker does not have the app in that version, or may not run it.
    """
    tenant, number = job["tenant"], int(job["arguments"]["trial"])
    trial = tools.client.trial(tenant, number)
    app = _app(tools, tenant, trial)
    granted = frozenset(trial["signals"])
    signals = tuple(one for one in tools.client.signals(tenant) if one.id in granted)
    result = _run_all(tools, tenant, trial, app, signals, tell)
    tools.client.post_trial(job, number, result.model_dump(mode="json"))
    ran = sum(one.ended is Ended.OK for one in result.windows)
    return {"trial": number, "app": trial["app"], "runs": ran, "windows": len(result.windows)}


def _app(tools: Tools, tenant: str, trial: Trial) -> App:
    app = tools.apps(tenant).get((trial["app"], trial["version"])) if tools.apps else None
    if app is None:
        name = f"{trial['app']} {trial['version']}"
        raise Hopeless(
            f"执行进程没有应用 {name}。请重新试运行。", f"The worker does not have {name}. Try it anew."
        )
    if app.foreign and bubblewrap() is None:
        raise Hopeless(
            "本机沙箱不可用, 不运行第三方应用。", "Without a sandbox no publisher's app is run here."
        )
    return app


def _run_all(
    tools: Tools, tenant: str, trial: Trial, app: App, signals: tuple[SignalInfo, ...], tell: Tell
) -> TrialResult:
    start, end = datetime.fromisoformat(trial["start"]), datetime.fromisoformat(trial["end"])
    step, course = trial["step_s"], _Course(app)
    left = moments(start, end, step)
    while left and course.in_a_row < CRASHES:
        at = left.pop(0)
        tell(
            (at - start) / (end - start),
            f"已运行 {len(course.windows)} 个窗口", f"{len(course.windows)} windows are done",
        )  # fmt: skip
        began = time.monotonic()
        inputs = _read(tools, tenant, trial, app, signals, at)
        course.took(*_window(app, inputs, timedelta(seconds=step)))
        first = sum(one.seconds > 0 for one in course.windows) == 1 and course.windows[-1].seconds > 0
        if first and step == trial["step_s"]:
            step = slowed(step, len(left), time.monotonic() - began, tools.trial_budget_s)
            left = moments(at, end, step)
    return _result(course, step, slow=step != trial["step_s"])


def _read(
    tools: Tools, tenant: str, trial: Trial, app: App, signals: tuple[SignalInfo, ...], at: datetime
) -> AppInputs:
    start = at - timedelta(seconds=trial["window_s"])
    tables = {
        kind: tools.client.trial_inputs(tenant, trial["id"], start, at, kind).select(_COLUMNS)
        for kind in sorted({signal.kind for signal in signals})
    }
    given = trial["inputs"]
    mapping = None if given is None else {key: tuple(some) for key, some in given.items()}
    return inputs_of(app.manifest, (start, at), signals, tables, trial["parameters"], mapping)


def _window(app: App, inputs: AppInputs, step: timedelta) -> tuple[WindowDone, SandboxResult | None]:
    """One window: left out for a reason of the data, or run."""
    rows = sum(table.num_rows for table in inputs.tables.values())
    reason = _left_out(inputs, rows)
    if reason is not None:
        return WindowDone(at=inputs.end, ended=reason), None
    result = run_sandboxed(app, inputs)
    done = WindowDone(
        at=inputs.end, ended=Ended(result.outcome.value), seconds=result.seconds, rows=rows,
        flagged=flagged(app, result.outputs, inputs.end - step),
    )  # fmt: skip
    return done, result


def _left_out(inputs: AppInputs, rows: int) -> Ended | None:
    if not rows:
        return Ended.NO_SAMPLES
    good = good_counts(inputs.tables)
    speaking = tuple(signal for signal in inputs.signals if good.get(signal.id))
    if missing_inputs(inputs.manifest, speaking, inputs.mapping):
        return Ended.INPUT_SILENT
    complete = completeness(inputs, good)
    return Ended.INCOMPLETE if complete is not None and complete < _LEAST_COMPLETE else None


def _result(course: _Course, step_s: float, *, slow: bool) -> TrialResult:
    return TrialResult(
        step_s=step_s, slowed=slow, windows=tuple(course.windows),
        isolation=course.last.isolation if course.last else "",
        filtered=course.last.filtered if course.last else False,
        stopped="crashing" if course.in_a_row >= CRASHES else "", detail=course.detail,
        figures=tuple(_figure(output, values) for output, values in sorted(course.said.items())),
    )  # fmt: skip


def _figure(output: str, values: list[float | str]) -> Figure:
    numbers = [value for value in values if not isinstance(value, str)]
    texts = Counter(value[:100] for value in values if isinstance(value, str))
    return Figure(
        output=output, values=len(values), least=min(numbers, default=None),
        median=median(numbers) if numbers else None, most=max(numbers, default=None),
        texts=dict(texts.most_common(_MOST_TEXTS)),
    )  # fmt: skip
