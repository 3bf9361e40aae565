"""Exports are read with pandas alone, as a stranger would."""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from asyncua.ua.status_codes import code_to_name_doc

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.export import ExportForm, export, raw_chunks
from tundish_platform.store.query.statusnames import STATUS_NAMES, status_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import MemorySource

    from tundish_platform.samples import SignalInfo

BAD = 0x80310000
SECOND = 1_000_000


def by_a_stranger(data: bytes, form: ExportForm) -> pd.DataFrame:
    if form is ExportForm.ARROW:
        frame: pd.DataFrame = pa.ipc.open_stream(io.BytesIO(data)).read_pandas()
        return frame
    read = {
        ExportForm.FEATHER: pd.read_feather,
        ExportForm.PARQUET: pd.read_parquet,
        ExportForm.CSV: lambda file: pd.read_csv(file, parse_dates=["ts"]),
    }[form]
    return read(io.BytesIO(data))


@pytest.fixture
def infos(make_info: Callable[..., SignalInfo]) -> list[SignalInfo]:
    return [make_info(7, path="钢厂/A/L/M/C/T", name_zh="温度, 上", unit="Cel"), make_info(3, name_en='"v"')]


@pytest.mark.parametrize("form", list(ExportForm))
def test_a_stranger_reads_what_was_stored(
    make_source: Callable[..., MemorySource], infos: list[SignalInfo], start_us: int, form: ExportForm
) -> None:
    rows = [(3, 0, 0.1), (3, 1.5, None, BAD), (7, 0, -1e300), (7, 2, 5e-324, 0x40900000), (9, 0, 1.0)]
    source = make_source(rows)
    windows = start_us + np.array([[0, 1], [1, 60]]) * SECOND
    chunks = list(raw_chunks(source, SampleKind.NUMERIC, infos, windows))
    assert len(chunks) == 2
    frame = by_a_stranger(b"".join(export(chunks, infos, SampleKind.NUMERIC, form)), form)
    assert frame["signal"].tolist() == [3, 7, 3, 7]
    assert frame["value"].tolist()[:2] == [0.1, -1e300]
    assert math.isnan(frame["value"][2])
    assert frame["value"][3] == 5e-324
    assert frame["status"].tolist() == [0, 0, BAD, 0x40900000]
    assert frame["status_name"].tolist() == ["Good", "Good", "BadNoCommunication", "UncertainLastUsableValue"]
    assert frame["path"].tolist()[:2] == ["S/A/L/M/C/V3", "钢厂/A/L/M/C/T"]
    assert frame["name_zh"].tolist()[:2] == ["量", "温度, 上"]
    assert frame["name_en"].tolist()[:2] == ['"v"', "v"]
    assert frame["unit"].tolist()[1] == "Cel"
    assert str(frame["ts"].dt.tz) == "UTC"
    assert frame["ts"].tolist() == [
        pd.Timestamp(start_us + t, unit="us", tz="UTC") for t in (0, 0, 1_500_000, 2_000_000)
    ]


@pytest.mark.parametrize("form", list(ExportForm))
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SampleKind.INTEGER, [2**60 + 1, -3]),
        (SampleKind.TEXT, ['run, "fast"\nline', "停机"]),
        (SampleKind.ARRAY, [[1.5, -2.0], []]),
    ],
)
def test_every_kind_comes_through(
    make_rows: Callable[..., pa.Table],
    infos: list[SignalInfo],
    form: ExportForm,
    kind: SampleKind,
    values: list[Any],
) -> None:
    table = make_rows(kind, [(3, t, value) for t, value in enumerate(values)])
    table = table.append_column("arrival", table["ts"])
    frame = by_a_stranger(b"".join(export([table], infos, kind, form)), form)
    got = frame["value"].tolist()
    if kind is SampleKind.ARRAY:
        got = [json.loads(cell) if form is ExportForm.CSV else cell.tolist() for cell in got]
    assert got == values
    assert frame.columns[-1] == "arrival"


@pytest.mark.parametrize("form", list(ExportForm))
def test_a_file_without_rows_has_its_columns(infos: list[SignalInfo], form: ExportForm) -> None:
    frame = by_a_stranger(b"".join(export([], infos, SampleKind.TEXT, form)), form)
    assert len(frame) == 0
    assert list(frame.columns) == [
        "signal", "path", "name_zh", "name_en", "unit", "ts", "value", "status", "status_name",
    ]  # fmt: skip


def test_times_in_csv_are_iso(make_rows: Callable[..., pa.Table], infos: list[SignalInfo]) -> None:
    table = make_rows(SampleKind.NUMERIC, [(3, 0.25, 1.0)])
    text = b"".join(export([table], infos, SampleKind.NUMERIC, ExportForm.CSV)).decode()
    assert "2026-03-01T00:00:00.250000Z" in text


@pytest.mark.parametrize("form", list(ExportForm))
def test_only_one_chunk_is_in_memory(
    make_rows: Callable[..., pa.Table], infos: list[SignalInfo], form: ExportForm
) -> None:
    """What is written comes out before the next table is asked for."""
    rng = np.random.default_rng(1)
    tables = [
        make_rows(SampleKind.NUMERIC, [(3, i * 3_000 + t, float(rng.normal())) for t in range(3_000)])
        for i in range(4)
    ]
    asked = 0

    def one_by_one() -> Iterator[pa.Table]:
        nonlocal asked
        for table in tables:
            asked += 1
            yield table

    out = [(asked, len(data)) for data in export(one_by_one(), infos, SampleKind.NUMERIC, form)]
    by_table = [sum(size for at, size in out if at == n) for n in (1, 2, 3, 4)]
    assert min(by_table) > 20_000


def test_long_windows_are_read_in_stretches(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    day = 86_400 * SECOND
    source = make_source([(1, t * 86_400, float(t)) for t in range(10)])
    windows = np.array([[start_us, start_us + 10 * day]])
    chunks = list(raw_chunks(source, SampleKind.NUMERIC, [make_info(1, period_s=1.0)], windows))
    assert len(chunks) == 2
    assert pa.concat_tables(chunks)["value"].to_pylist() == [float(t) for t in range(10)]
    assert list(raw_chunks(source, SampleKind.TEXT, [make_info(1)], windows)) == []


def test_media_types_are_those_of_the_forms() -> None:
    assert len({form.media_type for form in ExportForm}) == len(ExportForm)


def test_status_names_are_those_of_the_standard() -> None:
    known = {name for name, _ in code_to_name_doc.values()}
    assert set(STATUS_NAMES) <= known
    wrong = {code: status_name(code) for code in code_to_name_doc if status_name(code) in STATUS_NAMES[3:]}
    assert {code: code_to_name_doc[code][0] for code in wrong} == wrong
    assert len(wrong) == len(STATUS_NAMES) - 3
    assert [status_name(code) for code in (0x0400, 0x40FF0000, 0x80FF0000, 0xC0000000)] == [
        "Good", "Uncertain", "Bad", "Bad",
    ]  # fmt: skip


@pytest.mark.parametrize("form", list(ExportForm))
def test_signals_that_share_names_and_units_share_a_file(
    make_rows: Callable[..., pa.Table], make_info: Callable[..., SignalInfo], form: ExportForm
) -> None:
    kind = SampleKind.NUMERIC
    infos = [make_info(1, path="S/A/L/M/C/V"), make_info(2, path="S/A/L/M/C/V")]
    content = io.BytesIO(b"".join(export([make_rows(kind, [(1, 0, 1.0), (2, 0, 2.0)])], infos, kind, form)))
    if form is ExportForm.ARROW:
        frame = pa.ipc.open_stream(content).read_pandas()
    else:
        readers = {ExportForm.FEATHER: pd.read_feather, ExportForm.PARQUET: pd.read_parquet}
        frame = readers.get(form, pd.read_csv)(content)
    assert frame["value"].tolist() == [1.0, 2.0]
    assert set(frame["name_zh"].astype(str)) == {infos[0].name_zh}
