"""Readers, writers and seals at the same time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.samples import SampleBatch

WRITERS = 3
APPENDS = 60
ROWS = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Crowd:
    """Threads that write, seal and read the same tenant, and what they find wrong."""

    def __init__(self, world: World, make_batch: Callable[..., SampleBatch]) -> None:
        self.telemetry = world.telemetry
        self.scope = world.scopes["steel"]
        self.make_batch = make_batch
        self.problems: list[object] = []
        self.written = [0] * WRITERS
        self.writing = threading.Event()

    def run(self) -> None:
        self.writing.set()
        writers = [threading.Thread(target=self._guarded, args=(self._write, s)) for s in range(WRITERS)]
        others = [threading.Thread(target=self._guarded, args=(self._seal,)) for _ in range(2)]
        others += [threading.Thread(target=self._guarded, args=(self._look,)) for _ in range(2)]
        for thread in [*writers, *others]:
            thread.start()
        for thread in writers:
            thread.join()
        self.writing.clear()
        for thread in others:
            thread.join()

    def _guarded(self, act: Callable[..., None], *arguments: int) -> None:
        try:
            act(*arguments)
        except BaseException as error:  # noqa: BLE001 - told by the test itself
            self.problems.append(error)

    def _write(self, signal: int) -> None:
        for first in range(0, APPENDS * ROWS, ROWS):
            rows = [(signal, n, float(n)) for n in range(first, first + ROWS)]
            self.telemetry.append(self.scope, [self.make_batch("numeric", rows)])
            self.written[signal] = first + ROWS

    def _seal(self) -> None:
        while self.writing.is_set():
            self.telemetry.seal()

    def _look(self) -> None:
        seen = [0] * WRITERS
        newest = [-1.0] * WRITERS
        while self.writing.is_set():
            seen = [self._look_at(signal, seen[signal]) for signal in range(WRITERS)]
            for row in self.telemetry.latest(self.scope).to_pylist():
                if row["value"] < newest[row["signal"]]:
                    self.problems.append("the latest value went back")
                newest[row["signal"]] = row["value"]

    def _look_at(self, signal: int, seen: int) -> int:
        least = max(seen, self.written[signal])
        table = self.telemetry.read(self.scope, [signal], EPOCH, EPOCH.replace(year=2199))
        # No hole, no repetition, no half batch, and nothing that was there is gone.
        if table["value"].to_pylist() != [float(n) for n in range(table.num_rows)]:
            self.problems.append(f"signal {signal} has holes or repetitions")
        if table.num_rows < least or table.num_rows % ROWS:
            self.problems.append(f"signal {signal} has {table.num_rows} rows of at least {least}")
        return int(table.num_rows)


@pytest.mark.integration
def test_readers_see_a_set_that_only_grows(
    new_world: Callable[..., World],
    make_batch: Callable[..., SampleBatch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging.MERGE_FROM", 3)
    world = new_world(in_memory=False)
    world.open()
    crowd = Crowd(world, make_batch)
    crowd.run()
    assert crowd.problems == []
    world.open()
    # Had two seals merged the same segments, the manifest would count their rows twice.
    assert world.telemetry.state().rows == WRITERS * APPENDS * ROWS
    assert [len(world.values(s)) for s in range(WRITERS)] == [APPENDS * ROWS] * WRITERS


@pytest.mark.integration
def test_the_first_look_at_latest_values_misses_nothing_that_is_sealed_meanwhile(
    new_world: Callable[..., World], make_batch: Callable[..., SampleBatch]
) -> None:
    for turn in range(8):
        world = new_world(in_memory=False)
        telemetry = world.open()
        steel = world.scopes["steel"]
        telemetry.append(steel, [make_batch("numeric", [(s, 0, 1.0) for s in range(50)])])
        telemetry.seal()
        telemetry.append(steel, [make_batch("numeric", [(s, 1 + turn, 2.0) for s in range(50)])])
        sealing = threading.Thread(target=telemetry.seal)
        sealing.start()
        found = telemetry.latest(steel)
        sealing.join()
        assert found["value"].to_pylist() == [2.0] * 50
        assert telemetry.latest(steel)["value"].to_pylist() == [2.0] * 50
