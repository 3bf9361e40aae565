"""The store against a plain dictionary: whatever happens to it, it answers the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tundish_platform.store import FileLog, TimeOutOfRange

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import World

    from tundish_platform.samples import SampleBatch

KINDS = ("numeric", "integer", "text", "array", "gap")
DAY = 86_400
FINITE = st.floats(allow_nan=False, width=32)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "numeric": st.none() | st.floats(allow_nan=False),
    "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
    "text": st.none() | st.text(max_size=4),
    "array": st.none() | st.lists(FINITE, max_size=3),
}
# Around midnight and far apart, so that late rows fall into days that are sealed already.
SECONDS = st.sampled_from([0, 1, 2, DAY - 1, DAY, DAY + 1, 40 * DAY])
# A signal has one kind.
SIGNALS = {kind: st.integers(10 * at + 1, 10 * at + 3) for at, kind in enumerate(KINDS[:-1])}
SIGNALS["gap"] = st.integers(1, 3)
ALL = [10 * at + n for at in range(4) for n in (1, 2, 3)]
STATUSES = st.sampled_from([0, 0x40000000, 0x80310000])


def rows_of(kind: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    if kind == "gap":
        row = st.tuples(SIGNALS["gap"], SECONDS, st.integers(0, 5), st.sampled_from(["silent", "overflow"]))
        return st.lists(row.map(lambda r: (r[0], r[1], r[1] + r[2], r[3])), max_size=6)
    return st.lists(st.tuples(SIGNALS[kind], SECONDS, VALUES[kind], STATUSES), max_size=6)


APPEND = st.lists(st.sampled_from(KINDS).flatmap(lambda k: st.tuples(st.just(k), rows_of(k))), max_size=3)
STEPS = st.lists(APPEND | st.sampled_from(["seal", "spill", "reopen", "look"]), max_size=14)


class Model:
    """What the store should know, by kind, signal and second."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int, int], tuple[Any, ...]] = {}
        self.newest: dict[int, tuple[int, str, Any]] = {}

    def append(self, kind: str, rows: list[tuple[Any, ...]]) -> None:
        for signal, second, *rest in rows:
            self.rows[kind, signal, second] = tuple(rest)
            if kind != "gap" and second >= self.newest.get(signal, (second,))[0]:
                self.newest[signal] = (second, kind, rest[0])

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [(s, t, *rest) for (k, s, t), rest in sorted(self.rows.items()) if k == kind]


def compare(world: World, model: Model, at: Callable[[float], datetime]) -> None:
    start = at(0)
    for kind in KINDS[:-1]:
        rows = world.rows(ALL, kind)
        found = [(r["signal"], (r["ts"] - start).total_seconds(), r["value"], r["status"]) for r in rows]
        assert found == model.of(kind)
    gaps = world.telemetry.gaps(world.scopes["steel"], [1, 2, 3], at(-1), at(50 * DAY)).to_pylist()
    told = [
        (g["signal"], (g["ts"] - start).total_seconds(), (g["end"] - start).total_seconds(), g["reason"])
        for g in gaps
    ]
    # A record of no length tells that a gap was filled.
    assert told == [row for row in model.of("gap") if row[2] > row[1]]
    latest = world.telemetry.latest(world.scopes["steel"]).to_pylist()
    column = {"numeric": "value"}
    newest = {
        r["signal"]: ((r["ts"] - start).total_seconds(), r["kind"], r[column.get(r["kind"], r["kind"])])
        for r in latest
    }
    assert newest == model.newest
    assert world.telemetry.read(world.scopes["power"], ALL, at(-1), at(50 * DAY)).num_rows == 0


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_answers_like_a_dictionary(
    new_world: Callable[..., World],
    make_batch: Callable[..., SampleBatch],
    at: Callable[[float], datetime],
    steps: list[Any],
) -> None:
    world = new_world()
    world.open()
    model = Model()
    for step in steps:
        if step == "seal":
            world.telemetry.seal()
        elif step == "spill":
            world.telemetry.spill()
        elif step == "reopen":
            world.open()
        elif step == "look":
            compare(world, model, at)
        else:
            batches = [make_batch(kind, rows) for kind, rows in step]
            assert world.telemetry.append(world.scopes["steel"], batches) == sum(map(len, batches))
            for kind, rows in step:
                model.append(kind, rows)
    compare(world, model, at)
    world.telemetry.seal()
    compare(world, model, at)
    world.open()
    compare(world, model, at)


@pytest.fixture(autouse=True)
def _merge_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging.MERGE_FROM", 2)


def test_what_is_written_last_holds_wherever_the_first_lies(world: World) -> None:
    for turn in range(6):
        world.append([(1, 0, float(turn)), (1, 0, turn + 0.5)])
        assert world.values(1) == [turn + 0.5]
        if turn % 2:
            world.telemetry.seal()
            assert world.values(1) == [turn + 0.5]
        if turn % 3 == 0:
            world.open()
            assert world.values(1) == [turn + 0.5]


def test_a_gap_that_is_told_again_longer_grows(world: World, at: Callable[[float], datetime]) -> None:
    for end in (5, 9, 30):
        world.append([(1, 2, end, "silent")], "gap")
        world.telemetry.seal()
    gaps = world.telemetry.gaps(world.scopes["steel"], [1], at(20), at(21)).to_pylist()
    assert [(g["ts"], g["end"]) for g in gaps] == [(at(2), at(30))]
    # Both ends of the window: a gap that ends where it starts, or starts where it ends, is outside.
    assert world.telemetry.gaps(world.scopes["steel"], [1], at(30), at(31)).num_rows == 0
    assert world.telemetry.gaps(world.scopes["steel"], [1], at(0), at(2)).num_rows == 0


def test_a_gap_that_was_filled_is_told_no_more(world: World, at: Callable[[float], datetime]) -> None:
    for end in (9, 2):
        world.append([(1, 2, end, "disconnected")], "gap")
        world.telemetry.seal()
    assert world.telemetry.gaps(world.scopes["steel"], [1], at(0), at(20)).num_rows == 0


def test_nothing_appended_is_nothing_stored(world: World, make_batch: Callable[..., SampleBatch]) -> None:
    assert world.telemetry.append(world.scopes["steel"], []) == 0
    assert world.telemetry.append(world.scopes["steel"], [make_batch("text", [])]) == 0
    world.append([(1, 0, 1.0)])
    world.telemetry.seal()
    # A batch without rows must not keep the log from being let go.
    assert not list((world.root / "log").glob("*.log"))


@pytest.mark.parametrize("second", [-60 * 365 * DAY, 200 * 366 * DAY])
def test_times_of_a_wrong_clock_are_refused_whole(
    world: World, make_batch: Callable[..., SampleBatch], second: float
) -> None:
    batches = [make_batch("numeric", [(7, 0, 1.0)]), make_batch("numeric", [(7, 1, 1.0), (7, second, 2.0)])]
    with pytest.raises(TimeOutOfRange, match="signal 7"):
        world.telemetry.append(world.scopes["steel"], batches)
    assert world.values(7) == []


def test_recovery_takes_in_again_only_what_is_not_sealed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the process had ended between the manifest and the removal of log files.
    monkeypatch.setattr(FileLog, "release", lambda *_: None)
    world.append([(1, t, 1.0) for t in range(50)])
    world.telemetry.seal()
    world.append([(1, t, 2.0) for t in range(50, 60)])
    again = world.open()
    assert (again.state().rows, again.state().buffered) == (60, 10)
    assert world.values(1) == [1.0] * 50 + [2.0] * 10


def test_a_merge_of_old_segments_does_not_bring_old_values_back(world: World) -> None:
    world.append([(1, 0, 1.0)])
    world.telemetry.seal()
    # Too large to be merged with the small ones, which come to lie behind it.
    world.append([(1, t, 2.0) for t in range(20_000)])
    world.telemetry.seal()
    for n in range(6):
        world.append([(1, 30_000 + n, 3.0)])
        world.telemetry.seal()
    assert world.telemetry.state().segments == 2
    assert world.values(1)[0] == 2.0
