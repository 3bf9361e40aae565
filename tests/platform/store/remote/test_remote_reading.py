"""Reading from outside the writer while files come and go, and while there is no writer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store import StoreFailed
from tundish_platform.store.remote.client import RemoteTelemetry
from tundish_platform.store.remote.tenant import RemoteTenant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import Pair

    from tundish_platform.samples import SampleBatch, SignalInfo
    from tundish_platform.store.reading import Snapshot


def test_a_segment_that_a_merge_took_away_is_looked_for_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in range(12):
        pair.inside.append([(1, turn, float(turn))])
        pair.inside.telemetry.seal()
    snapshot = RemoteTenant.snapshot
    asked: list[list[str]] = []

    def slow(tenant: RemoteTenant, *arguments: object) -> Snapshot:
        found = snapshot(tenant, *arguments)  # type: ignore[arg-type]
        asked.append([file.path for file in found.files])
        if len(asked) == 1:
            while all((tenant.reader.folder / path).exists() for path in asked[0]):
                pair.inside.append([(2, len(asked[0]), 1.0)])
                pair.inside.telemetry.seal()
        return found

    monkeypatch.setattr(RemoteTenant, "snapshot", slow)
    assert pair.outside.values(1) == [float(turn) for turn in range(12)]
    assert len(asked) == 2


def test_a_damaged_segment_is_told_to_the_writer(pair: Pair, at: Callable[[float], datetime]) -> None:
    pair.inside.append([(1, 0, 1.0)])
    pair.inside.telemetry.seal()
    pair.inside.append([(1, 1, 2.0)])
    (path,) = (pair.inside.root / "tenants" / "steel" / "numeric").rglob("*.parquet")
    path.write_bytes(bytes(path.stat().st_size))
    assert pair.outside.values(1) == [2.0]
    assert not path.exists()
    gaps = [
        world.telemetry.gaps(world.scopes["steel"], [1], at(-1), at(9)).to_pylist()
        for world in (pair.inside, pair.outside)
    ]
    assert gaps[0] == gaps[1] != []
    assert "cannot be read" in str(pair.inside.telemetry.state().problems)
    assert pair.outside.telemetry.state() == pair.inside.telemetry.state()


def test_without_the_writer_what_can_be_read_is_read(pair: Pair) -> None:
    for second in range(2):
        pair.inside.append([(1, second * 86_400, float(second))])
        pair.inside.telemetry.seal()
    pair.inside.append([(1, 5 * 86_400, 5.0)])
    pair.stop()
    folder = pair.inside.root / "tenants" / "steel" / "numeric"
    assert pair.outside.values(1) == [0.0, 1.0]
    damaged = min(folder.rglob("*.parquet"))
    damaged.write_bytes(bytes(damaged.stat().st_size))
    assert pair.outside.values(1) == [1.0]
    steel = pair.outside.scopes["steel"]
    assert pair.outside.telemetry.latest(steel)["value"].to_pylist() == [1.0]
    state = pair.outside.telemetry.state()
    assert (state.rows, state.buffered, state.segments, state.ready) == (2, 0, 2, False)
    assert "does not answer" in state.problems[0]


def test_each_answer_can_tell_how_fresh_it_is(
    pair: Pair, at: Callable[[float], datetime], make_spec: Callable[..., SignalInfo]
) -> None:
    telemetry, steel = pair.outside.telemetry, pair.outside.scopes["steel"]
    assert isinstance(telemetry, RemoteTelemetry)
    with telemetry.freshness() as seen:
        assert (seen.fresh_to, seen.buffered) == (None, True)
    before = datetime.now(UTC)
    with telemetry.freshness() as all_of_them:
        with telemetry.freshness() as first:
            telemetry.latest(steel)
        with telemetry.freshness() as second:
            telemetry.trend(steel, [make_spec()], at(0), at(1), 5)
    assert first.fresh_to is not None
    assert second.fresh_to is not None
    assert before <= first.fresh_to <= second.fresh_to <= datetime.now(UTC)
    assert (all_of_them.fresh_to, all_of_them.buffered) == (first.fresh_to, True)
    pair.inside.append([(1, 0, 1.0)])
    pair.stop()
    with telemetry.freshness() as seen:
        telemetry.facts(steel, at(0), at(1))
    assert (seen.fresh_to, seen.buffered) == (None, False)
    pair.open()
    telemetry.seal()
    (arrival,) = {row["arrival"] for row in pair.outside.rows([1])}
    pair.stop()
    with telemetry.freshness() as seen:
        telemetry.latest(steel)
    assert (seen.fresh_to, seen.buffered) == (arrival, False)


def test_without_the_writer_nothing_is_taken_and_afterwards_it_is(
    pair: Pair, make_batch: Callable[..., SampleBatch]
) -> None:
    telemetry, steel = pair.outside.telemetry, pair.outside.scopes["steel"]
    batches: Sequence[SampleBatch] = [make_batch("numeric", [(1, 0, 1.0)])]
    assert telemetry.ready
    pair.stop()
    assert not telemetry.ready
    with pytest.raises(StoreFailed, match="did not answer"):
        telemetry.append(steel, batches)
    with pytest.raises(StoreFailed, match="did not answer"):
        telemetry.seal()
    pair.open()
    assert telemetry.ready
    assert telemetry.append(steel, batches) == 1
    assert pair.outside.values(1) == [1.0]


def test_a_writer_that_may_not_write_says_so(
    pair: Pair, make_batch: Callable[..., SampleBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise StoreFailed("the disk is gone")

    monkeypatch.setattr(pair.inside.telemetry, "append", fail)
    with pytest.raises(StoreFailed, match="the disk is gone"):
        pair.outside.telemetry.append(pair.outside.scopes["steel"], [make_batch("numeric", [(1, 0, 1.0)])])


def test_too_much_at_once_is_refused_before_it_is_sent(
    pair: Pair, make_batch: Callable[..., SampleBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_platform.store.remote.client.MAX_REQUEST", 100)
    with pytest.raises(ValueError, match="append less"):
        pair.outside.telemetry.append(pair.outside.scopes["steel"], [make_batch("numeric", [(1, 0, 1.0)])])
    assert pair.inside.values(1) == []


def test_nothing_stays_open_for_tenants_or_after_closing(pair: Pair) -> None:
    for tenant in ("steel", "power"):
        pair.outside.rows([1], tenant=tenant)
    assert pair.socket is not None
    assert pair.socket.connections == 1
    pair.outside.telemetry.close()
    pair.stop()
