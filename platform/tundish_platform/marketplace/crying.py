"""What a run says that calls for somebody: values that an output's ``flags`` name, and the alerts they make.

A shadow trial and a live run go by the same rule, so a trial foretells what alerts a subscription would make.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import AlarmPriority, AlertReport, Sureness
from tundish_platform.sdk import Need

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.samples import SampleKind, SignalInfo
    from tundish_platform.sdk import AppInputs, AppOutputs, Output, OutputColumn
    from tundish_platform.sdk.flags import Flag

MODEL: Final = "app."
"""Begins the ``model`` of an app's alerts, so that no app passes for one of the platform's models."""

_GOOD_MASK: Final = 0xC0000000
_LINE_LEVELS: Final = 3
_LONGEST: Final = 400
_CHECK_ZH: Final = "请打开该应用的页面查看最新结果,并到现场核实。"
_CHECK_EN: Final = "Open the app's page, look at its newest result, and check at the machine."


def model_of(app_id: str) -> str:
    """Under which ``model`` an app's alerts stand."""
    return f"{MODEL}{app_id}"


def base_of(granted: Iterable[SignalInfo]) -> str:
    """Below which path outputs lie: ``<line>/Apps`` where all signals share a line, else ``Apps``."""
    lines = {"/".join(signal.path.split("/")[:_LINE_LEVELS]) for signal in granted}
    return f"{next(iter(lines))}/Apps" if len(lines) == 1 else "Apps"


def flagged(app: App, outputs: AppOutputs | None, fresh: datetime) -> dict[str, float | str]:
    """By output the newest alarm among what the run says anew, and among its newest value in any case.

    Args:
        app: whose outputs.
        outputs: of the run.
        fresh: what stands for a time behind it was not told by the run before.
    """
    found: dict[str, float | str] = {}
    told = outputs.told() if outputs else {}
    for output in app.manifest.outputs:
        flag, column = output.flag, told.get(output.key)
        value = _newest(flag, column, fresh) if flag and column else None
        if value is not None:
            found[output.key] = value[:_LONGEST] if isinstance(value, str) else value
    return found


def _newest(flag: Flag, column: OutputColumn, fresh: datetime) -> float | str | None:
    """The newest alarm among what is behind a moment, and the last value in any case."""
    later = pc.sum(pc.greater(column.ts, pa.scalar(fresh, column.ts.type))).as_py()
    said = column.value.slice(len(column) - max(later, 1)).to_pylist()
    return next((one for one in reversed(said) if flag.holds(one)), None)


def good_counts(tables: Mapping[SampleKind, pa.Table]) -> dict[int, int]:
    """Good samples by signal."""
    found: Counter[int] = Counter()
    for table in tables.values():
        # The upper two bits of an OPC UA StatusCode are its severity; 0 is good.
        good = pc.equal(pc.bit_wise_and(table.column("status"), pa.scalar(_GOOD_MASK, pa.uint32())), 0)
        counted = table.filter(good).group_by("signal").aggregate([("ts", "count")])
        found.update(dict(zip(counted["signal"].to_pylist(), counted["ts_count"].to_pylist(), strict=True)))
    return found


def completeness(inputs: AppInputs, good: Mapping[int, int]) -> float | None:
    """Mean share of the samples expected of needed inputs that are there and good; None for none expected.

    Args:
        inputs: the window.
        good: good samples by signal.
    """
    needed = {
        signal for wanted in inputs.manifest.inputs if wanted.need is not Need.OPTIONAL
        for signal in inputs.found(wanted.key)
    }  # fmt: skip
    length = (inputs.end - inputs.start).total_seconds()
    shares = [
        min(good.get(signal.id, 0) * signal.period_s / length, 1.0)
        for signal in needed
        if signal.period_s and signal.period_s <= length
    ]
    return sum(shares) / len(shares) if shares else None


def cries(app: App, inputs: AppInputs, found: Mapping[str, float | str]) -> list[AlertReport]:
    """The alerts that stand after a run; one that stands already is told again by the same names.

    Args:
        app: that ran.
        inputs: of the run.
        found: by output the value that called, as `flagged` gives it.
    """
    outputs = {output.key: output for output in app.manifest.outputs}
    complete = completeness(inputs, good_counts(inputs.tables))
    line = base_of(inputs.signals).removesuffix("/Apps")
    return [_cry(app, inputs, line, outputs[key], value, complete) for key, value in found.items()]


def silenced(
    app: App, outputs: AppOutputs, standing: Sequence[Mapping[str, Any]], crying: Iterable[AlertReport],
    end: datetime,
) -> list[AlertReport]:  # fmt: skip
    """Ends of the alerts that stood before a run and that it no longer calls for.

    Args:
        app: that ran.
        outputs: of the run; what it could not tell ends nothing.
        standing: the app's open alerts as the platform gives them.
        crying: what stands after the run.
        end: of the run's window.
    """
    still = {(one.line, one.target) for one in crying}
    told = {key for key, column in outputs.told().items() if column.value.null_count < len(column)}
    declared = {output.key for output in app.manifest.outputs if output.flags}
    names = set(AlertReport.model_fields)
    ended = []
    for row in standing:
        alert = AlertReport.model_validate({name: row[name] for name in names})
        spoken = alert.target in told or alert.target not in declared
        if (alert.line, alert.target) not in still and spoken and alert.opened_at < end:
            ended.append(alert.model_copy(update={"closed_at": end, "judged_to": end}))
    return ended


def _cry(
    app: App, inputs: AppInputs, line: str, output: Output, value: float | str, complete: float | None
) -> AlertReport:
    manifest = app.manifest
    label = value[:200] if isinstance(value, str) else f"{value:.4g} {output.unit}".rstrip()
    return AlertReport(
        model=model_of(manifest.id), version=manifest.version, line=line, target=output.key,
        target_zh=f"{manifest.name.zh}:{output.name.zh}"[:200],
        target_en=f"{manifest.name.en}: {output.name.en}"[:200],
        since=inputs.start, opened_at=inputs.end, judged_to=inputs.end, priority=AlarmPriority.LOW,
        label_zh=label, label_en=label, value=None if isinstance(value, str) else value, unit=output.unit,
        confidence=1.0, sureness=Sureness.RULE, check_zh=_CHECK_ZH, check_en=_CHECK_EN,
        window_start=inputs.start, window_end=inputs.end,
        completeness=1.0 if complete is None else complete,
    )  # fmt: skip
