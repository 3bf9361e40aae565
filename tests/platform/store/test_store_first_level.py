"""The first level: many small tenants share a file until each has enough of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store.write.buffer import Buffer
from tundish_platform.store.write.days import by_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

DAY = 86_400
SMALL = {"own_rows": 10, "seal_rows": 1000, "memory_bytes": 10}


def level(world: World) -> list[Path]:
    return sorted((world.root / "first-level").glob("*"))


def segments(world: World) -> list[Path]:
    return sorted((world.root / "tenants").rglob("*.parquet"))


def both(world: World, second: int) -> None:
    world.append([(1, second, float(second))])
    world.append([(7, second, float(-second))], tenant="power")


def power(world: World) -> list[Any]:
    return [row["value"] for row in world.rows([7], tenant="power")]


def test_tenants_share_a_file_and_see_their_own_rows(world: World) -> None:
    for second in range(3):
        both(world, second)
        world.telemetry.spill()
        world.append([(1, 50 + second, "running")], "text")
    assert len(level(world)) == 3 + 2
    assert list((world.root / "log").glob("*.log"))
    for _ in range(2):
        assert world.values(1) == [0.0, 1.0, 2.0]
        assert power(world) == [0.0, -1.0, -2.0]
        assert world.values(1, "text") == ["running"] * 3
        world.open()
    assert segments(world) == []


def test_the_log_is_let_go_behind_the_first_level(world: World) -> None:
    both(world, 0)
    world.telemetry.spill()
    assert not list((world.root / "log").glob("*.log"))
    world.open()
    # A number is never given twice, or later rows could not hold against earlier ones.
    world.append([(1, 0, 9.0)])
    assert world.values(1) == [9.0]


def test_a_file_goes_when_the_last_of_its_tenants_has_segments(world: World) -> None:
    both(world, 0)
    world.telemetry.spill()
    store = world.telemetry.tenant_store(world.scopes["steel"])
    world.telemetry._sealer.seal(store)
    assert len(level(world)) == 1
    world.open()
    assert (world.values(1), power(world)) == ([0.0], [0.0])
    world.telemetry.seal()
    assert level(world) == []
    assert len(segments(world)) == 2


def test_a_row_written_later_holds_wherever_the_earlier_lies(world: World) -> None:
    world.append([(1, 0, 1.0)])
    world.telemetry.seal()
    world.append([(1, 0, 2.0)])
    world.telemetry.spill()
    assert world.values(1) == [2.0]
    world.append([(1, 0, 3.0)])
    world.telemetry.spill()
    assert world.values(1) == [3.0]
    world.append([(1, 0, 4.0)])
    assert world.values(1) == [4.0]
    world.telemetry.seal()
    assert world.values(1) == [4.0]
    assert world.open().latest(world.scopes["steel"])["value"].to_pylist() == [4.0]


def test_the_background_spills_when_memory_is_short_and_gives_own_files_to_who_has_enough(
    new_world: Callable[..., World],
) -> None:
    world = new_world()
    world.open(**SMALL)
    both(world, 0)
    world.telemetry._sealer.turn()
    assert (len(level(world)), segments(world)) == (1, [])
    for second in range(1, 10):
        world.append([(1, second, float(second))])
        world.telemetry._sealer.turn()
    world.telemetry._sealer.turn()
    assert {path.parts[-4] for path in segments(world)} == {"steel"}
    assert power(world) == [0.0]
    assert world.values(1) == [float(second) for second in range(10)]


def test_what_waits_long_gets_a_file_of_its_own(new_world: Callable[..., World]) -> None:
    world = new_world()
    world.open(**SMALL, compact_after=timedelta(0))
    both(world, 0)
    world.telemetry._sealer.turn()
    world.telemetry._sealer.turn()
    assert (level(world), len(segments(world))) == ([], 2)


def test_a_damaged_file_is_named_and_what_was_cut_off_goes(world: World) -> None:
    both(world, 0)
    world.telemetry.spill()
    (named,) = level(world)
    (world.root / "first-level" / "00000000000000000099-aa.numeric.arrow").write_bytes(b"half")
    (world.root / "first-level" / "x.tmp").write_bytes(b"half")
    assert world.open().problems() == ()
    assert level(world) == [named]
    named.write_bytes(named.read_bytes()[:50])
    assert any(named.name in problem for problem in world.open().problems())
    assert world.values(1) == []


def test_a_manifest_whose_answer_was_lost_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both(world, 0)
    add = world.telemetry._catalog.add_first_level

    def add_and_fail(*arguments: Any) -> None:  # noqa: ANN401 - whatever it takes
        add(*arguments)
        raise ConnectionError("the answer was lost")

    monkeypatch.setattr(world.telemetry._catalog, "add_first_level", add_and_fail)
    with pytest.raises(ConnectionError):
        world.telemetry.spill()
    monkeypatch.undo()
    assert world.values(1) == [0.0]
    world.telemetry.spill()
    both(world, 1)
    for _ in range(2):
        assert (world.values(1), power(world)) == ([0.0, 1.0], [0.0, -1.0])
        world.open()
    world.telemetry.seal()
    world.open()
    assert level(world) == []
    assert (world.values(1), power(world)) == ([0.0, 1.0], [0.0, -1.0])


def test_small_batches_cost_little_more_than_their_rows(make_batch: Callable[..., SampleBatch]) -> None:
    buffer = Buffer()
    for second in range(500):
        buffer.add(make_batch("numeric", [(1, second, 1.0), (2, second, None, 0x80000000)]), second + 1)
    (part,) = buffer.parts[SampleKind.NUMERIC]
    assert part.nbytes < 1000 * 36 * 2.1
    table = part.rows()
    assert table["value"].to_pylist() == [1.0, None] * 500
    assert table["status"].to_pylist() == [0, 0x80000000] * 500


def test_rows_of_large_batches_come_out_by_day_in_order_and_once() -> None:
    rng = np.random.default_rng(7)
    n = 40_000
    schema = SCHEMAS[SampleKind.NUMERIC]
    tables = []
    truth: dict[tuple[int, int], float | None] = {}
    for turn in range(3):
        signal = rng.integers(2**20, 2**20 + 40, n).astype(np.uint32)
        ts = rng.integers(-2000, 2000, n) * 60_000_000 + 1_700_000_000_000_000
        values = [None if v < 0.01 else float(v) for v in rng.random(n)]
        truth |= dict(zip(zip(signal.tolist(), ts.tolist(), strict=True), values, strict=True))
        columns = [pa.array(signal), pa.array(ts).cast(schema.field("ts").type), pa.array(values)]
        table = pa.table([*columns, pa.array(np.full(n, turn, dtype=np.uint32))], schema=schema)
        tables.append(table.append_column("arrival", table["ts"]).append_column("live", pa.array([True] * n)))
    found = list(by_day(tables, SampleKind.NUMERIC))
    assert [day for day, _ in found] == sorted({day for day, _ in found})
    rows = [row for _, table in found for row in table.to_pylist()]
    keys = [(row["signal"], int(row["ts"].timestamp()) * 1_000_000) for row in rows]
    assert dict(zip(keys, (row["value"] for row in rows), strict=True)) == truth
    assert len(keys) == len(truth)
    for day, table in found:
        assert {row["ts"].date() for row in table.to_pylist()} == {day}
        order = list(zip(table["signal"].to_pylist(), table["ts"].to_pylist(), strict=True))
        assert order == sorted(order)
