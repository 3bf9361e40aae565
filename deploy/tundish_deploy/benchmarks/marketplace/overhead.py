"""What a sandbox costs beyond the app's own work, with many rows in and as many values out."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.marketplace import App, Outcome, run_sandboxed
from tundish_platform.samples import SCHEMAS, SampleKind, SignalInfo, SignalSpec
from tundish_platform.sdk import AppInputs, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_platform.marketplace.forks import ForkServer

_MANIFEST: Final = """
id = "echo"
version = "0.1.0"
entry = "tundish_app_echo.app:run"
publisher = "Tundish"
problems = ["quality"]
schedule_s = 60
window_s = 86400
name = { zh = "回声", en = "echo" }
description = { zh = "测量沙箱", en = "measures the sandbox" }
data_use = { zh = "不使用", en = "none" }
[[inputs]]
key = "any"
semantic = "pressure.*"
name = { zh = "压力", en = "pressure" }
[[outputs]]
key = "number"
name = { zh = "数", en = "number" }
[resources]
seconds = 60
memory_mb = 512
output_bytes = 8388608
"""
_CODE: Final = """
import time
from tundish_platform.sdk import AppOutputs, output_column

def run(inputs):
    begun = time.perf_counter()
    times, values = inputs.good(inputs.signals[0])
    outputs = AppOutputs(columns=(output_column("number", times, values),))
    print(len(values), outputs.count, time.perf_counter() - begun)
    return outputs
"""


def echo_app(folder: Path) -> App:
    """An app that reads every sample and hands back as many values; it tells what that took."""
    place = folder / "tundish_app_echo"
    place.mkdir()
    (place / "__init__.py").write_text("", "utf-8")
    (place / "app.toml").write_text(_MANIFEST, "utf-8")
    (place / "app.py").write_text(_CODE, "utf-8")
    return App(read_manifest(place / "app.toml"), place)


def window_of(app: App, rows: int) -> AppInputs:
    """A window with one signal and so many samples of it."""
    end = datetime(2026, 3, 1, 8, tzinfo=UTC)
    start = end - timedelta(days=1)
    spec = SignalSpec(
        path="S/A/L/M/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic", period_s=1
    )
    signal = SignalInfo(id=1, source="bench", **spec.model_dump())
    schema = SCHEMAS[SampleKind.NUMERIC]
    micros = int(start.timestamp() * 1e6) + np.arange(rows) * (86_400_000_000 // rows)
    columns = {
        "signal": np.ones(rows, "uint32"),
        "ts": micros.astype("datetime64[us]"),
        "value": np.sin(np.arange(rows) / 100.0),
        "status": np.zeros(rows, "uint32"),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    tables = {SampleKind.NUMERIC: pa.table(arrays, schema=schema)}
    return AppInputs(app.manifest, start, end, (signal,), tables)


def beyond_own_work(app: App, inputs: AppInputs, forks: ForkServer | None) -> float:
    """Seconds of one run beyond what the app itself took.

    Raises:
        RuntimeError: the run went wrong, so there is nothing to measure.
    """
    begun = time.perf_counter()
    result = run_sandboxed(app, inputs, "bubblewrap", forks)
    took = time.perf_counter() - begun
    if result.outcome is not Outcome.OK or result.outputs is None:
        raise RuntimeError(f"the run ended as {result.outcome}: {result.detail}")
    seen, kept, own = result.detail.split()
    rows = inputs.tables[SampleKind.NUMERIC].num_rows
    if {int(seen), int(kept), result.outputs.count} != {rows}:
        raise RuntimeError(f"rows were lost: {seen} in, {kept} out")
    return took - float(own)
