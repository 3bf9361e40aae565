from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.samples import (
    SCHEMAS,
    CodecError,
    Origin,
    SampleBatch,
    SampleKind,
    Severity,
    SignalSpec,
    decode_batch,
    decode_frames,
    empty_table,
    encode_batch,
    encode_frames,
    is_good,
    severity,
)

ARRIVAL = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)

instants = st.datetimes(
    min_value=datetime(1601, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)
)
values = {
    SampleKind.NUMERIC: st.floats(allow_nan=False),
    SampleKind.INTEGER: st.integers(min_value=-(2**63), max_value=2**63 - 1),
    SampleKind.TEXT: st.text(st.characters(exclude_categories=["Cs"])),
    SampleKind.ARRAY: st.lists(st.floats(allow_nan=False), max_size=5),
}


@st.composite
def batches(draw: st.DrawFn) -> SampleBatch:
    kind = draw(st.sampled_from(SampleKind))
    rows = draw(st.integers(0, 6))

    def column(strategy: st.SearchStrategy[object]) -> list[object]:
        return [draw(strategy) for _ in range(rows)]

    columns: dict[str, list[object]] = {
        "signal": column(st.integers(0, 2**32 - 1)),
        "ts": column(instants),
    }
    if kind is SampleKind.GAP:
        columns |= {"end": column(instants), "reason": column(st.sampled_from(["disconnected", "silent"]))}
    else:
        columns |= {
            "value": column(st.none() | values[kind]),
            "status": column(st.integers(0, 2**32 - 1)),
        }
    arrival = draw(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
    return SampleBatch(kind, pa.table(columns, schema=SCHEMAS[kind]), arrival, draw(st.sampled_from(Origin)))


@given(batches())
def test_a_batch_comes_back_from_its_bytes_as_it_was(batch: SampleBatch) -> None:
    back = decode_batch(encode_batch(batch))
    assert back.kind is batch.kind
    assert back.arrival == batch.arrival
    assert back.origin is batch.origin
    assert back.table.equals(batch.table)


@given(st.lists(batches(), max_size=4))
def test_frames_keep_number_and_order(sent: list[SampleBatch]) -> None:
    received = list(decode_frames(encode_frames(encode_batch(batch) for batch in sent)))
    assert [b.table for b in received] == [b.table for b in sent]


@given(st.lists(batches(), min_size=1, max_size=2), st.data())
def test_torn_frames_are_refused_at_every_byte(sent: list[SampleBatch], data: st.DataObject) -> None:
    frames = encode_frames(encode_batch(batch) for batch in sent)
    boundaries = {0}
    for batch in sent:
        boundaries.add(max(boundaries) + 4 + len(encode_batch(batch)))
    cut = data.draw(st.integers(1, len(frames) - 1))
    if cut in boundaries:
        assert len(list(decode_frames(frames[:cut]))) < len(sent)
    else:
        with pytest.raises(CodecError):
            list(decode_frames(frames[:cut]))


@given(st.binary(max_size=300))
def test_foreign_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode_batch(data)


def test_an_arrow_stream_of_other_columns_is_refused() -> None:
    table = pa.table({"signal": [1]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(CodecError):
        decode_batch(bytes(sink.getvalue()))


def test_integers_beyond_two_to_the_53_keep_every_digit() -> None:
    table = pa.table(
        {"signal": [1], "ts": [ARRIVAL], "value": [2**53 + 1], "status": [0]},
        schema=SCHEMAS[SampleKind.INTEGER],
    )
    batch = SampleBatch(SampleKind.INTEGER, table, ARRIVAL)
    assert decode_batch(encode_batch(batch)).table["value"].to_pylist() == [2**53 + 1]


def test_an_arrival_of_another_zone_is_the_same_instant() -> None:
    shanghai = ARRIVAL.astimezone(timezone(timedelta(hours=8)))
    batch = SampleBatch(SampleKind.NUMERIC, empty_table(SampleKind.NUMERIC), shanghai)
    assert decode_batch(encode_batch(batch)).arrival == ARRIVAL


def test_a_batch_without_time_zone_or_with_wrong_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SampleBatch(SampleKind.NUMERIC, empty_table(SampleKind.NUMERIC), datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="needs"):
        SampleBatch(SampleKind.NUMERIC, empty_table(SampleKind.TEXT), ARRIVAL)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x00000000, Severity.GOOD),
        (0x00960000, Severity.GOOD),
        (0x40900000, Severity.UNCERTAIN),
        (0x80310000, Severity.BAD),
        (0xC0000000, Severity.BAD),
    ],
)
def test_severity_is_the_two_top_bits(status: int, expected: Severity) -> None:
    assert severity(status) is expected
    assert bool(is_good(np.array([status], dtype=np.uint32))[0]) is (expected is Severity.GOOD)


@pytest.mark.parametrize("path", ["", "/Site/Line", "Site/Line/"])
def test_a_signal_needs_a_clean_path(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        SignalSpec(path=path, name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic")


def test_the_machine_is_the_path_without_component_and_variable() -> None:
    spec = SignalSpec(path="S/A/L/M/C/V", name_zh="值", name_en="Value", semantic="x")
    assert spec.machine == "S/A/L/M"
