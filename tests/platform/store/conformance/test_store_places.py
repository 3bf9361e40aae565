"""The same store over each log and each place for segments: it answers the same."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.log.jetstream import JetStreamLog, StreamSettings
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.objects_cache import ObjectCache
from tundish_platform.store.objects_s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store import Telemetry

DAY = 86_400
START = datetime(2026, 3, 1, tzinfo=UTC)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
KINDS = ("numeric", "text", "gap")
SECONDS = st.sampled_from([0, 1, DAY - 1, DAY, 40 * DAY])
_numbers = count(1000)


class Store:
    """One store, opened again as often as is asked."""

    def __init__(self, world: World, opening: Callable[[], dict[str, Any]]) -> None:
        self.world = world
        self._opening = opening
        self.open()

    def open(self) -> Telemetry:
        return self.world.open(**self._opening())

    def rows(self, kind: str, tenant: str = "steel") -> list[tuple[Any, ...]]:
        scope, numbers = self.world.scopes[tenant], list(range(1, 8))
        if kind == "gap":
            table = self.world.telemetry.gaps(scope, numbers, *EVER)
            return [
                (r["signal"], seconds(r["ts"]), seconds(r["end"]), r["reason"]) for r in table.to_pylist()
            ]
        table = self.world.telemetry.read(scope, numbers, *EVER, SampleKind(kind))
        return [(r["signal"], seconds(r["ts"]), r["value"]) for r in table.to_pylist()]


def seconds(at: datetime) -> float:
    return (at - START).total_seconds()


PLACES = ["file-local", "file-s3", "jetstream-local", "jetstream-s3"]
SERVED = pytest.mark.integration


@pytest.fixture(
    params=[pytest.param(name, marks=[] if name == "file-local" else [SERVED]) for name in PLACES]
)
def new_store(
    request: pytest.FixtureRequest,
    new_world: Callable[..., World],
    places: Any,  # noqa: ANN401 - of the suite
) -> Iterator[Callable[[], Store]]:
    log, _, objects = request.param.partition("-")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(opened(new_world(in_memory=False), places, log, objects))


@contextmanager
def opened(world: World, places: Any, log: str, objects: str) -> Iterator[Store]:  # noqa: ANN401 - of the suite
    number = next(_numbers)
    link = NatsLink(places.nodes.urls) if log == "jetstream" else None

    def opening() -> dict[str, Any]:
        how: dict[str, Any] = {}
        if link is not None:
            streams = StreamSettings(replicas=3)
            how["log"] = lambda first: JetStreamLog(link, number, streams, first_sequence=first)
        if objects == "s3":
            access = places.bucket.access
            access = type(access)(**(fields_of(access) | {"url": f"{access.url}/store-{number}"}))
            # Another process has other copies.
            cache = ObjectCache(world.root.parent / f"cache-{next(_numbers)}", 100_000_000)
            how["objects"] = S3Objects(access, cache)
        return how

    store = Store(world, opening)
    yield store
    world.telemetry.close()
    if link is not None:
        link.close()


def fields_of(access: Any) -> dict[str, Any]:  # noqa: ANN401 - a data class
    return {name: getattr(access, name) for name in access.__dataclass_fields__}


@pytest.fixture(autouse=True)
def _merge_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging.MERGE_FROM", 2)


def rows_of(kind: str) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    if kind == "gap":
        row = st.tuples(st.integers(1, 3), SECONDS, st.integers(0, 5), st.sampled_from(["silent"]))
        return st.lists(row.map(lambda r: (r[0], r[1], r[1] + r[2], r[3])), max_size=4)
    value = st.floats(-9, 9) if kind == "numeric" else st.text(max_size=3)
    number = st.integers(1, 3) if kind == "numeric" else st.integers(4, 6)
    return st.lists(st.tuples(number, SECONDS, value), max_size=4)


APPEND = st.lists(st.sampled_from(KINDS).flatmap(lambda k: st.tuples(st.just(k), rows_of(k))), max_size=3)
STEPS = st.lists(APPEND | st.sampled_from(["seal", "spill", "reopen", "verify"]), min_size=3, max_size=9)


def compare(store: Store, model: dict[str, dict[tuple[int, int], tuple[Any, ...]]]) -> None:
    for kind in KINDS:
        known = [(*key, *rest) for key, rest in sorted(model[kind].items())]
        # A gap record of no length tells that the gap was filled.
        assert store.rows(kind) == [row for row in known if kind != "gap" or row[2] > row[1]]
        assert store.rows(kind, "power") == []


@given(steps=STEPS)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_store_answers_like_a_dictionary(
    new_store: Callable[[], Store], make_batch: Callable[..., SampleBatch], steps: list[Any]
) -> None:
    store = new_store()
    model: dict[str, dict[tuple[int, int], tuple[Any, ...]]] = {kind: {} for kind in KINDS}
    for step in steps:
        telemetry = store.world.telemetry
        if step == "reopen":
            store.open()
        elif isinstance(step, str):
            getattr(telemetry, step)()
        else:
            batches = [make_batch(kind, rows) for kind, rows in step]
            assert telemetry.append(store.world.scopes["steel"], batches) == sum(map(len, batches))
            for kind, rows in step:
                model[kind].update({(row[0], row[1]): tuple(row[2:]) for row in rows})
            compare(store, model)
    store.world.telemetry.seal()
    compare(store, model)
    store.open()
    compare(store, model)
    assert store.world.telemetry.problems() == ()


def test_late_and_repeated_rows_and_what_was_written_last(new_store: Callable[[], Store]) -> None:
    store = new_store()
    for turn in range(4):
        store.world.append([(1, 0, float(turn)), (1, DAY - turn, 0.5), (1, 0, turn + 0.5)])
        store.world.append([(1, turn, turn + 9, "silent")], "gap")
        if turn % 2:
            store.world.telemetry.seal()
        if turn == 2:
            store.open()
        assert store.rows("numeric")[0] == (1, 0, turn + 0.5)
    assert len(store.rows("numeric")) == 5
    assert len(store.rows("gap")) == 4
    latest = store.world.telemetry.latest(store.world.scopes["steel"]).to_pylist()
    assert [(row["signal"], seconds(row["ts"]), row["value"]) for row in latest] == [(1, DAY, 0.5)]


def test_tenants_with_the_same_signals_never_meet(new_store: Callable[[], Store]) -> None:
    store = new_store()
    store.world.append([(1, 0, 777.0)])
    store.world.append([(1, 0, 1.0)], tenant="power")
    for _ in range(2):
        assert store.rows("numeric", "power") == [(1, 0, 1.0)]
        assert store.rows("numeric") == [(1, 0, 777.0)]
        store.world.telemetry.seal()
        store.open()


def test_a_missing_segment_is_told_as_a_gap_and_the_rest_is_read(new_store: Callable[[], Store]) -> None:
    store = new_store()
    store.world.append([(1, 0, 1.0), (1, DAY, 2.0)])
    store.world.telemetry.seal()
    objects = store.world.telemetry._catalog.objects
    first, _ = sorted(name for name, _ in objects.listing("steel") if name.endswith(".parquet"))
    objects.remove(first)
    assert store.rows("numeric") == [(1, DAY, 2.0)]
    assert [row[3] for row in store.rows("gap") if row[0] == 1] == ["segment_damaged"]
    store.open()
    assert store.rows("numeric") == [(1, DAY, 2.0)]
    assert "missing" in store.world.telemetry.problems()[0]
