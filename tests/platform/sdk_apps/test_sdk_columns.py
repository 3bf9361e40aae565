"""Columns of outputs: what authors make of arrays, the one form on the wire, and what is refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.sdk import AppInputs, AppOutputs, OutputValue, output_column, window_values
from tundish_platform.sdk.columns import (
    ColumnError,
    OutputColumn,
    check_column,
    decode_column,
    encode_column,
)
from tundish_platform.sdk.manifest import parse_manifest
from tundish_platform.sdk.wire import ContractError, check_outputs, decode_outputs, encode_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
MANIFEST = parse_manifest(
    """
id = "probe"
version = "0.1.0"
entry = "tundish_app_probe.app:run"
publisher = "测试"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = { zh = "测试", en = "test" }
description = { zh = "测试", en = "test" }
data_use = { zh = "不使用", en = "none" }
inputs = [{ key = "any", semantic = "*", name = { zh = "任意", en = "any" } }]
outputs = [
    { key = "number", name = { zh = "数", en = "number" } },
    { key = "words", kind = "text", name = { zh = "话", en = "words" } },
]
""".encode(),
    "app.toml",
)
INPUTS = AppInputs(MANIFEST, START, START + timedelta(minutes=10), ())


def at(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=one) for one in seconds]


def back(outputs: AppOutputs) -> AppOutputs:
    return decode_outputs(encode_outputs(outputs), MANIFEST)


def test_arrays_and_lists_make_the_same_column() -> None:
    times = np.array(["2026-03-01T08:00:00", "2026-03-01T08:00:01"], "datetime64[ns]")
    column = output_column("number", times, np.array([1.5, np.nan]))
    assert column == output_column("number", at(0, 1), [1.5, None])
    assert column.value.to_pylist() == [1.5, None]
    assert output_column("words", at(0, 1), ["好", None]).kind is SampleKind.TEXT


@pytest.mark.parametrize(
    ("times", "values", "said"),
    [
        ([], [], "some"),
        (at(0, 1), [1.0], "as many"),
        (at(1, 0), [1.0, 2.0], "rise"),
        (at(0, 0), [1.0, 2.0], "rise"),
        (at(0), [float("inf")], "finite"),
        (at(0), ["x" * 4_001], "4000"),
        (at(0, 1), [1.0, "x"], "neither"),
        ([None], [1.0], "none"),
    ],
)
def test_what_is_no_column_is_refused_at_once(times: list[Any], values: list[Any], said: str) -> None:
    with pytest.raises(ColumnError, match=said):
        output_column("number", times, values)


def test_other_types_than_the_two_are_refused() -> None:
    column = OutputColumn("number", pa.array(at(0), pa.timestamp("us", tz="UTC")), pa.array([1]))
    with pytest.raises(ColumnError, match="int64"):
        check_column(column)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=1, max_size=40))
def test_numbers_come_back_as_they_were(values: list[float | None]) -> None:
    outputs = AppOutputs(columns=(output_column("number", at(*range(len(values))), values),))
    assert back(outputs) == outputs


@given(st.lists(st.text(max_size=20) | st.none(), min_size=1, max_size=40).filter(any))
def test_texts_come_back_as_they_were(values: list[str | None]) -> None:
    outputs = AppOutputs(columns=(output_column("words", at(*range(len(values))), values),))
    assert back(outputs) == outputs


def test_any_reader_of_arrow_reads_a_column() -> None:
    data = encode_column(output_column("words", at(0, 1), ["好", None]))[1]
    assert pa.ipc.open_stream(data).read_all().to_pydict() == {"ts": at(0, 1), "value": ["好", None]}


@given(st.data())
def test_a_changed_byte_gives_another_column_or_a_refusal_and_never_more(data: st.DataObject) -> None:
    values: Sequence[Any] = data.draw(st.sampled_from([[1.0, None, 3.0], ["a", None, "好的"]]))
    kind = SampleKind.TEXT if isinstance(values[0], str) else SampleKind.NUMERIC
    head, stream = encode_column(output_column("x", at(0, 1, 2), values))
    place = data.draw(st.integers(0, len(stream) - 1))
    changed = bytearray(stream)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        found = decode_column(head, bytes(changed), kind)
    except ColumnError:
        return
    assert encode_column(found)[1] == bytes(changed)
    found.value.validate(full=True)
    assert len(found) == len(values)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 2}, {"rows": 4}, {"rows": 2**30}, {"nulls": 0}, {"texts": 0}, {"texts": 100}, {"texts": 4},
    ],
)  # fmt: skip
def test_a_head_that_lies_is_refused(change: dict[str, int]) -> None:
    head, stream = encode_column(output_column("x", at(0, 1, 2), ["a", None, "好的"]))
    assert len(decode_column(head, stream, SampleKind.TEXT)) == 3
    with pytest.raises(ColumnError):
        decode_column(head.model_copy(update=change), stream, SampleKind.TEXT)


@pytest.mark.parametrize("length", [0, 7, 100, 207, 300])
def test_a_stream_that_was_cut_is_refused(length: int) -> None:
    head, stream = encode_column(output_column("x", at(0, 1, 2), [1.0, None, 2.0]))
    with pytest.raises(ColumnError):
        decode_column(head, stream[:length], SampleKind.NUMERIC)


def test_metadata_of_any_length_is_not_followed_out_of_the_stream() -> None:
    head, stream = encode_column(output_column("x", at(0), [1.0]))
    place = stream.index(struct.pack("<I", 0xFFFFFFFF), 8) + 4
    with pytest.raises(ColumnError):
        decode_column(head, stream[:place] + b"\xff" * 4 + stream[place + 4 :], SampleKind.NUMERIC)


def test_values_and_columns_are_told_alike_and_counted_together() -> None:
    column = output_column("number", at(0, 1), [1.0, 2.0])
    outputs = AppOutputs(
        values=(
            OutputValue(output="words", ts=START + timedelta(seconds=1), value="later"),
            OutputValue(output="words", ts=START, value="first"),
        ),
        columns=(column,),
    )
    assert outputs.count == 4
    told = outputs.told()
    assert told["number"] is column
    assert told["words"].value.to_pylist() == ["first", "later"]
    assert told["words"].ts.to_pylist() == at(0, 1)
    assert back(outputs) == outputs


def _outputs(*columns: OutputColumn) -> AppOutputs:
    return AppOutputs(columns=columns)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (_outputs(output_column("number", at(-1), [1.0])), "outside the window"),
        (_outputs(output_column("number", at(0, 601), [1.0, 2.0])), "outside the window"),
        (_outputs(output_column("words", at(0), [1.0])), "declares 'words' as text"),
        (_outputs(output_column("else", at(0), [1.0])), "does not declare"),
        (_outputs(*[output_column("number", at(n), [1.0]) for n in (0, 1)]), "two columns"),
        (_outputs(OutputColumn("number", pa.nulls(1), pa.array([1.0]))), "a time that is none"),
        (
            AppOutputs(
                values=window_values({"number": 1.0}, START),
                columns=(output_column("number", at(1), [1.0]),),
            ),
            "as values and as a column",
        ),
    ],
)
def test_columns_are_held_against_the_manifest(outputs: AppOutputs, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        check_outputs(INPUTS, outputs)


def test_the_edges_of_the_window_belong_to_it() -> None:
    check_outputs(INPUTS, _outputs(output_column("number", at(0, 600), [1.0, 2.0])))


def test_columns_nobody_declared_and_bytes_behind_them_are_refused() -> None:
    data = encode_outputs(_outputs(output_column("number", at(0), [1.0])))
    with pytest.raises(ContractError, match="named"):
        decode_outputs(data + b"\0", MANIFEST)
    with pytest.raises(ContractError, match="does not declare"):
        decode_outputs(data.replace(b'"number"', b'"forged"'), MANIFEST)
    with pytest.raises(ContractError, match="is shorter"):
        decode_outputs(data[:-100], MANIFEST)


def test_a_hundred_thousand_rows_fit_into_two_megabytes() -> None:
    times = np.datetime64(START.replace(tzinfo=None), "us") + np.arange(100_000)
    data = encode_outputs(_outputs(output_column("number", times, np.arange(100_000) / 7.0)))
    assert len(data) < 1_700_000
    whole = decode_outputs(data, MANIFEST)
    check_outputs(replace(INPUTS), whole)
    assert whole.count == 100_000
