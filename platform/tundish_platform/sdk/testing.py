"""The conformance suite every app must pass, shipped with the SDK so that authors run it at home.

``python -m tundish_platform.sdk.testing <package folder>`` prints what is wrong, and ends with 1 if
anything is. The app runs in this process here; on the platform it runs in the sandbox.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import BAD_NO_COMMUNICATION, SCHEMAS, SampleKind, SignalInfo, SignalRole
from tundish_platform.sdk.examples import example_records, no_rows, nothing_told
from tundish_platform.sdk.inputs import AppInputs
from tundish_platform.sdk.manifest import Input, Manifest, ManifestError, Need, read_manifest
from tundish_platform.sdk.questionnaire import read_questionnaire
from tundish_platform.sdk.records import RecordKind
from tundish_platform.sdk.wire import (
    check_outputs,
    decode_inputs,
    decode_outputs,
    encode_inputs,
    encode_outputs,
)
from tundish_platform.sdk.worker import run_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_platform.sdk.columns import OutputColumn
    from tundish_platform.sdk.screen import AppOutputs

_END: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_UNITS: Final = {"energy": "kW.h", "power": "kW", "temperature": "Cel", "pressure": "bar"}
_SAMPLES: Final = 240
_EACH: Final = 2
_GOOD: Final = "good data"


def check_app(folder: Path) -> list[str]:
    """Everything wrong with the app in a package folder, in words; empty where it conforms."""
    try:
        manifest = read_manifest(folder / "app.toml")
    except ManifestError as error:
        return [str(error)]
    if manifest.package != folder.name:
        return [f"the entry lies in {manifest.package}, the folder is {folder.name}"]
    if str(folder.parent) not in sys.path:
        sys.path.insert(0, str(folder.parent))
    return [*said_problems(manifest, folder), *window_problems(manifest, folder=folder)]


def said_problems(manifest: Manifest, folder: Path) -> list[str]:
    """What is wrong with the texts in two languages and with the model cards; nothing runs."""
    return [*_texts(manifest, folder), *_cards(folder), *_lacks_questions(manifest, folder)]


def window_problems(
    manifest: Manifest,
    run: Callable[[AppInputs], AppOutputs] | None = None,
    folder: Path | None = None,
) -> list[str]:
    """What goes wrong when the app runs over good, bad, holey and missing data.

    Args:
        manifest: of the app.
        run: calls it; in this process, each window twice, if absent. The platform's own is a process for each
            run, so that only the good data go in twice, and ends at the first window that goes wrong.
        folder: of the app's package, where it asks people questions.
    """
    problems: list[str] = []
    if folder is not None and _lacks_questions(manifest, folder):
        # `said_problems` tells; without its questions no window can be made up.
        return problems
    for case in _cases(manifest, folder):
        twice = run is None or case.name == _GOOD
        problems += [f"{case.name}: {problem}" for problem in case.problems(run or run_app, twice=twice)]
        if run is not None and problems:
            break
    return problems


def example_inputs(
    manifest: Manifest, keys: frozenset[str] | None = None, seed: int = 7, folder: Path | None = None
) -> AppInputs:
    """A made-up window for an app: two good signals per input, noise around a level, reproducible.

    Args:
        manifest: of the app.
        keys: which of its inputs to serve; all for None. Records are there in any case.
        seed: of the noise.
        folder: of the app's package, where it asks people questions.
    """
    wanted = [i for i in manifest.inputs if keys is None or i.key in keys]
    signals = tuple(_signal(manifest, item, number) for item in wanted for number in range(_EACH))
    numbered = tuple(s.model_copy(update={"id": n}) for n, s in enumerate(signals, start=1))
    start = _END - timedelta(seconds=manifest.window_s)
    tables = {
        kind: pa.concat_tables([_samples(s, seed + s.id) for s in numbered if s.kind is kind])
        for kind in sorted({s.kind for s in numbered})
    }
    records = example_records(manifest, _END, folder)
    return AppInputs(manifest, start, _END, numbered, tables, manifest.settings({}), records=records)


@dataclass(frozen=True, slots=True)
class _Case:
    """One window and what must come of it."""

    name: str
    inputs: AppInputs
    must_miss: bool = False
    may_flag: bool = True

    def problems(self, run: Callable[[AppInputs], AppOutputs], *, twice: bool) -> Iterator[str]:
        """What goes wrong with this window."""
        limits = self.inputs.manifest.resources
        started = time.monotonic()
        try:
            outputs = run(self.inputs)
            again = run(decode_inputs(encode_inputs(self.inputs))) if twice else outputs
            size = len(written := encode_outputs(outputs))
            check_outputs(self.inputs, decode_outputs(written, self.inputs.manifest))
        except Exception as error:  # noqa: BLE001 - whatever an app raises is what the report is about
            yield f"{type(error).__name__}: {error}"
            return
        # Elsewhere than in this process the sandbox keeps the time, and starting it is not the app's doing.
        if run is run_app and time.monotonic() - started > 2 * limits.seconds:
            yield f"two runs took longer than 2 x {limits.seconds:g} s"
        if outputs != again:
            yield "two runs over the same window differ"
        if size > limits.output_bytes:
            yield f"the outputs are larger than {limits.output_bytes} bytes"
        if self.must_miss and not outputs.missing:
            yield "a needed input is not there, and the app does not say so"
        if self.must_miss and outputs.count:
            yield "a needed input is not there, and the app writes values all the same"
        flagged = {key for key, column in outputs.told().items() if _flags(self.inputs.manifest, column)}
        if flagged and not self.may_flag:
            yield f"without one good sample it raises an alarm by {', '.join(sorted(flagged))}"
        if not self.must_miss and outputs.missing:
            yield f"it misses {', '.join(outputs.missing)}, which is there"


def _flags(manifest: Manifest, column: OutputColumn) -> bool:
    flag = next((o.flag for o in manifest.outputs if o.key == column.output), None)
    return flag is not None and any(map(flag.holds, column.value.to_pylist()))


def _cases(manifest: Manifest, folder: Path | None) -> Iterator[_Case]:
    whole = example_inputs(manifest, folder=folder)
    yield _Case(_GOOD, whole)
    yield _Case("no samples", _changed(whole, lambda t: t.slice(0, 0)), may_flag=False)
    yield _Case("all samples bad", _changed(whole, _all_bad), may_flag=False)
    yield _Case("gaps and bad samples", _changed(whole, _with_gaps))
    yield _Case("one sample", _changed(whole, lambda t: t.slice(0, 1)))
    yield from _record_cases(whole)
    nothing = replace(whole, signals=(), tables={})
    needed = any(i.need is not Need.OPTIONAL for i in manifest.inputs)
    yield _Case("no signals", nothing, must_miss=needed)
    required = frozenset(i.key for i in manifest.inputs if i.need is Need.REQUIRED)
    choices = [i.key for i in manifest.inputs if i.need is Need.ONE_OF]
    for choice in choices or ([""] if required else []):
        yield _Case(
            f"needed inputs only {choice}".rstrip(),
            example_inputs(manifest, required | {choice}, folder=folder),
        )


def _record_cases(whole: AppInputs) -> Iterator[_Case]:
    if not whole.records:
        return
    yield _Case("records without rows", replace(whole, records=no_rows(whole.records)))
    yield _Case("records without fields", replace(whole, records=nothing_told(whole.records)))
    needed = {wish.kind for wish in whole.manifest.records if wish.need == "required"}
    yield _Case("no records granted", replace(whole, records={}), must_miss=bool(needed))
    if needed:
        kept = {kind: table for kind, table in whole.records.items() if kind in needed}
        yield _Case("needed records only", replace(whole, records=kept))


def _changed(inputs: AppInputs, change: Callable[[pa.Table], pa.Table]) -> AppInputs:
    return replace(inputs, tables={kind: change(table) for kind, table in inputs.tables.items()})


def _all_bad(table: pa.Table) -> pa.Table:
    count = table.num_rows
    empty = pa.nulls(count, table.schema.field("value").type)
    status = pa.array(np.full(count, BAD_NO_COMMUNICATION, np.uint32))
    return _columns(table, empty, status)


def _with_gaps(table: pa.Table) -> pa.Table:
    place = np.arange(table.num_rows) % _SAMPLES
    bad = place % 7 == 0
    status = pa.array(np.where(bad, BAD_NO_COMMUNICATION, 0).astype(np.uint32))
    value = pa.array(table.column("value").to_pylist(), table.schema.field("value").type, mask=bad)
    return _columns(table, value, status).filter(pa.array((place < _SAMPLES // 3) | (place > _SAMPLES // 2)))


def _columns(table: pa.Table, value: pa.Array, status: pa.Array) -> pa.Table:
    return pa.table([table.column("signal"), table.column("ts"), value, status], schema=table.schema)


def _signal(manifest: Manifest, item: Input, number: int) -> SignalInfo:
    semantic = item.semantic.replace("*", f"example{number}")
    period = min(manifest.window_s / _SAMPLES, item.max_period_s or manifest.window_s)
    role = item.roles[0] if item.roles else SignalRole.MEASUREMENT
    return SignalInfo(
        id=0, source="conformance", path=f"Site/Area/Line/Machine/{item.key}/Signal{number}",
        name_zh=f"示例{number}", name_en=f"Example {number}", semantic=semantic, role=role,
        kind=item.kinds[0], period_s=period,
        unit=item.unit or _UNITS.get(semantic.split(".", maxsplit=1)[0], ""),
    )  # fmt: skip


def _samples(signal: SignalInfo, seed: int) -> pa.Table:
    noise = np.random.default_rng(seed).normal(100.0, 1.0, _SAMPLES)
    values = np.cumsum(noise) if signal.role is SignalRole.COUNTER else noise
    made: dict[SampleKind, Callable[[], list[Any]]] = {
        SampleKind.NUMERIC: values.tolist,
        SampleKind.INTEGER: lambda: [int(v) for v in values],
        SampleKind.TEXT: lambda: ["Execute" if n % 5 else "Idle" for n in range(_SAMPLES)],
        SampleKind.ARRAY: lambda: [[v, v + 1.0] for v in values.tolist()],
    }
    step = timedelta(seconds=signal.period_s or 1.0)
    columns = [
        [signal.id] * _SAMPLES,
        [_END - step * n for n in range(_SAMPLES, 0, -1)],
        made[signal.kind](),
        [0] * _SAMPLES,
    ]  # fmt: skip
    schema = SCHEMAS[signal.kind]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _texts(manifest: Manifest, folder: Path) -> Iterator[str]:
    named = [("name", manifest.name), ("description", manifest.description), ("data_use", manifest.data_use)]
    named += [(item.key, item.name) for item in manifest.inputs]
    named += [(output.key, output.name) for output in manifest.outputs]
    named += [(parameter.key, parameter.name) for parameter in manifest.parameters]
    named += [(wish.kind.value, wish.purpose) for wish in manifest.records]
    named += [(document.key, document.name) for document in manifest.documents]
    if manifest.wish(RecordKind.ANSWERS) and not _lacks_questions(manifest, folder):
        asked = read_questionnaire(folder)
        named += [("the questionnaire", asked.source)]
        named += [(part.key, part.text) for part in (*asked.groups, *asked.questions)]
    for where, texts in named:
        if not _CHINESE.search(texts.zh):
            yield f"the Chinese text of {where} holds no Chinese"
        if _CHINESE.search(texts.en):
            yield f"the English text of {where} holds Chinese"


def _lacks_questions(manifest: Manifest, folder: Path) -> list[str]:
    if manifest.wish(RecordKind.ANSWERS) is None:
        return []
    try:
        read_questionnaire(folder)
    except ManifestError as error:
        return [str(error)]
    return []


def _cards(folder: Path) -> Iterator[str]:
    for language in ("zh", "en"):
        card = folder / f"card_{language}.md"
        if not card.is_file() or not card.read_text(encoding="utf-8").strip():
            yield f"there is no model card {card.name}"


if __name__ == "__main__":
    found = [problem for place in sys.argv[1:] for problem in check_app(Path(place).resolve())]
    sys.stdout.write("\n".join(found or ["the app conforms"]) + "\n")
    sys.exit(1 if found else 0)
