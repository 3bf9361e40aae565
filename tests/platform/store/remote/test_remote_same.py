"""Whoever asks from outside the writer gets the same answers and refusals as from inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store import TimeOutOfRange
from tundish_platform.store.query.queries import Thinning
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa
    from conftest import Pair

    from tundish_platform.samples import SampleBatch, SignalInfo
    from tundish_platform.store.query.queries import Queries
    from tundish_platform.tenancy import TenantScope

    At = Callable[[float], datetime]
    Spec = Callable[..., SignalInfo]

DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = ("numeric", "integer", "text", "array", "gap")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "numeric": st.none() | st.floats(allow_nan=False),
    "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
    "text": st.none() | st.text(max_size=4),
    "array": st.none() | st.lists(st.floats(allow_nan=False, width=32), max_size=3),
}
SIGNAL = {kind: number for number, kind in enumerate(VALUES, 1)}
SECONDS = st.sampled_from([0, 1, 2, 3, 50, DAY - 1, DAY, 40 * DAY])
STATUSES = st.sampled_from([0, 0x40000000, 0x80310000])
SIGNALS = [1, 2, 3, 4, 9]
ALL = frozenset(Permission)


def rows_of(kind: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    if kind == "gap":
        row = st.tuples(st.sampled_from(SIGNALS), SECONDS, st.integers(0, 5), st.just("silent"))
        return st.lists(row.map(lambda r: (r[0], r[1], r[1] + r[2], r[3])), max_size=6)
    return st.lists(st.tuples(st.just(SIGNAL[kind]), SECONDS, VALUES[kind], STATUSES), max_size=6)


APPEND = st.sampled_from(KINDS).flatmap(lambda k: st.tuples(st.just(k), rows_of(k)))
STEPS = st.lists(APPEND | st.sampled_from(["seal", "spill", "reopen", "look"]), max_size=12)


def answers(telemetry: Queries, scope: TenantScope, at: At, spec: Spec) -> Iterator[pa.Table]:
    """Every query there is, over windows of several sizes."""
    specs = [spec(number, kind=kind) for kind, number in SIGNAL.items()]
    yield telemetry.latest(scope)
    yield telemetry.latest(scope, SIGNALS)
    yield telemetry.facts(scope, at(0), at(50 * DAY))
    for start, end in ((at(-1), at(60)), (at(1), at(3)), (at(0), at(50 * DAY))):
        for kind in SampleKind:
            yield telemetry.read(scope, SIGNALS, start, end, kind)
        yield telemetry.gaps(scope, SIGNALS, start, end)
        step = timedelta(seconds=max(1, (end - start).days * 3600))
        windows = np.array([[(instant - EPOCH) // timedelta(microseconds=1) for instant in (start, end)]])
        for thinning in Thinning:
            yield telemetry.trend(scope, specs, start, end, 10, thinning=thinning)
        yield telemetry.summary(scope, specs, start, end)
        yield telemetry.wide(scope, specs[:2], start, end, step)
        yield telemetry.aggregate(scope, specs, windows)
        yield telemetry.states(scope, specs[1:3], windows, end)


def compare(pair: Pair, at: At, spec: Spec) -> None:
    steel = pair.inside.scopes["steel"]
    for scope in (steel, steel.narrowed(frozenset({2, 9}), ALL), pair.inside.scopes["power"]):
        ours = answers(pair.inside.telemetry, scope, at, spec)
        theirs = answers(pair.outside.telemetry, scope, at, spec)
        for one, other in zip(ours, theirs, strict=True):
            assert one.schema == other.schema
            # Not by `Table.equals`, for which NaN differs from itself.
            assert str(one.to_pylist()) == str(other.to_pylist())


@given(steps=STEPS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_sides_answer_the_same(
    new_pair: Callable[[], Pair],
    make_batch: Callable[..., SampleBatch],
    make_spec: Spec,
    at: At,
    steps: list[Any],
) -> None:
    pair = new_pair()
    written: dict[tuple[str, int, int], tuple[Any, ...]] = {}
    for step in steps:
        if step == "reopen":
            pair.open()
        elif step == "spill":
            pair.inside.telemetry.spill()
        elif step == "seal":
            pair.outside.telemetry.seal()
        elif step == "look":
            compare(pair, at, make_spec)
        else:
            kind, rows = step
            assert pair.outside.telemetry.append(
                pair.outside.scopes["steel"], [make_batch(kind, rows)]
            ) == len(rows)
            written |= {(kind, row[0], row[1]): row[2:] for row in rows}
    compare(pair, at, make_spec)
    assert pair.outside.telemetry.state() == pair.inside.telemetry.state()
    for kind in KINDS[:-1]:
        told = [
            (kind, row["signal"], (row["ts"] - at(0)).total_seconds(), row["value"], row["status"])
            for row in pair.outside.rows(SIGNALS, kind)
        ]
        assert told == [(*key, *row) for key, row in sorted(written.items()) if key[0] == kind]
    pair.close()


def test_refusals_are_the_same(pair: Pair, make_batch: Callable[..., SampleBatch]) -> None:
    steel = pair.inside.scopes["steel"]
    narrow = steel.narrowed(frozenset({1}), ALL)
    reader = steel.narrowed(frozenset({1}), frozenset({Permission.READ}))
    good = make_batch("numeric", [(1, 0, 1.0)])
    cases = [
        (reader, [good], AccessDenied),
        (narrow, [good, make_batch("numeric", [(2, 0, 1.0)])], AccessDenied),
        (narrow, [make_batch("gap", [(2, 0, 1, "silent")])], AccessDenied),
        (steel, [good, make_batch("numeric", [(7, -60 * 365 * DAY, 1.0)])], TimeOutOfRange),
    ]
    for scope, batches, kind in cases:
        texts = set()
        for telemetry in (pair.inside.telemetry, pair.outside.telemetry):
            with pytest.raises(kind) as caught:
                telemetry.append(scope, batches)
            texts.add(str(caught.value))
        assert len(texts) == 1
    blind = steel.narrowed(frozenset({1}), frozenset({Permission.INGEST}))
    for ask in ("latest", "facts"):
        window = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
        with pytest.raises(AccessDenied):
            getattr(pair.outside.telemetry, ask)(blind, *(window if ask == "facts" else ()))
    assert pair.outside.rows([1, 2, 7]) == []
    assert pair.outside.telemetry.append(steel, []) == 0
    assert pair.outside.telemetry.append(steel, [make_batch("text", [])]) == 0
    assert pair.outside.telemetry.append(narrow, [good]) == 1
    assert pair.inside.values(1) == [1.0]
