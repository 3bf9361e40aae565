"""What must not happen between two steps: each test holds one thread where the next step would hurt."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import merged
from tundish_platform.store.write.chunks import chunk_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from conftest import World

    from tundish_platform.samples import SampleBatch

MOMENT = 0.2


class Held:
    """Holds the first caller of a log's append behind the sync, before its rows are visible."""

    def __init__(self, append: Callable[..., Sequence[int]]) -> None:
        self._append = append
        self.durable = threading.Event()
        self.go_on = threading.Event()

    def __call__(
        self, tenant: int, payloads: Sequence[bytes], taken: Callable[[Sequence[int]], None]
    ) -> Sequence[int]:
        def later(sequences: Sequence[int]) -> None:
            if not self.durable.is_set():
                self.durable.set()
                assert self.go_on.wait(20)
            taken(sequences)

        return self._append(tenant, payloads, later)


@pytest.fixture
def file_world(new_world: Callable[..., World]) -> World:
    world = new_world(in_memory=False)
    world.open()
    return world


@pytest.fixture
def held(file_world: World, monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held(file_world.telemetry._log.append)
    monkeypatch.setattr(file_world.telemetry._log, "append", made)
    return made


def test_a_seal_does_not_overtake_an_append_that_is_durable_and_not_yet_buffered(
    file_world: World, held: Held
) -> None:
    first = threading.Thread(target=file_world.append, args=([(1, 0, 1.0)],))
    first.start()
    assert held.durable.wait(20)
    second = threading.Thread(target=file_world.append, args=([(1, 1, 2.0)],))
    second.start()
    sealing = threading.Thread(target=file_world.telemetry.seal)
    sealing.start()
    sealing.join(MOMENT)
    # What came later in the log is not visible before what came first.
    assert file_world.values(1) == []
    held.go_on.set()
    for thread in (first, second, sealing):
        thread.join()
    file_world.open()
    assert file_world.values(1) == [1.0, 2.0]


def test_the_log_is_not_let_go_under_such_an_append(file_world: World, held: Held) -> None:
    first = threading.Thread(target=file_world.append, args=([(1, 0, 1.0)],))
    first.start()
    assert held.durable.wait(20)
    releasing = threading.Thread(target=file_world.telemetry._sealer.release)
    releasing.start()
    releasing.join(MOMENT)
    held.go_on.set()
    first.join()
    releasing.join()
    file_world.open()
    assert file_world.values(1) == [1.0]


def test_rows_find_the_store_that_is_open_when_they_are_durable(file_world: World, held: Held) -> None:
    first = threading.Thread(target=file_world.append, args=([(1, 0, 1.0)],))
    first.start()
    assert held.durable.wait(20)
    # Nothing is in memory yet, so the tenant may be let go right now.
    assert file_world.telemetry._tenants.close_idle(-1.0) == 1
    held.go_on.set()
    first.join()
    assert file_world.values(1) == [1.0]


def test_what_arrives_while_the_latest_values_are_read_is_among_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.append([(1, 0, 1.0)])
    world.open().seal()
    world.open()
    store = world.telemetry.tenant_store(world.scopes["steel"])
    newest = store.reader.newest

    def meanwhile(*arguments: Any) -> list[pa.Table]:  # noqa: ANN401 - whatever `newest` takes
        monkeypatch.undo()
        found = newest(*arguments)
        world.append([(1, 5, 6.0)])
        world.telemetry.seal()
        return found

    monkeypatch.setattr(store.reader, "newest", meanwhile)
    for _ in range(2):
        latest = world.telemetry.latest(world.scopes["steel"])
        assert latest["value"].to_pylist() == [6.0]


def test_what_lies_in_segments_is_not_taken_from_the_log_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.append([(1, 0, 1.0)])
    monkeypatch.setattr(world.telemetry._sealer, "release", lambda: None)
    world.telemetry.seal()
    world.append([(1, 1, 2.0)])
    assert list((world.root / "log").glob("*.log"))
    state = world.open().state()
    assert (state.rows, state.buffered) == (2, 1)


def test_of_equal_rows_the_one_of_the_later_table_holds(make_batch: Callable[..., SampleBatch]) -> None:
    parts = [chunk_of(make_batch("numeric", [(1, 0, float(n)), (2, n, 0.5)])).rows() for n in (1, 2, 3)]
    table = merged(parts, SampleKind.NUMERIC)
    assert table["value"].to_pylist() == [3.0, 0.5, 0.5, 0.5]
    assert merged(parts[::-1], SampleKind.NUMERIC)["value"].to_pylist()[0] == 1.0
