from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from tundish_platform.samples import SampleKind
from tundish_platform.store import StoreInUse, Telemetry
from tundish_platform.store.query.export import ExportForm
from tundish_platform.store.query.queries import Thinning
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from conftest import World

    from tundish_platform.samples import SampleBatch, SignalInfo
    from tundish_platform.tenancy import TenantScope

    Ask = Callable[[Telemetry, TenantScope, list[int]], Iterator[pa.Table]]

CANARY = 777_000.0
KINDS = {"numeric": CANARY, "integer": 777_000, "text": "canary-777000", "array": [CANARY]}
GAP = "spool_full"
ALL = frozenset(Permission)


@pytest.fixture(params=["buffered", "sealed"])
def filled(world: World, request: pytest.FixtureRequest) -> World:
    """Both tenants use the same signal numbers; steel's samples are the canaries."""
    for offset, (kind, value) in enumerate(KINDS.items()):
        world.append([(1 + offset, t, value) for t in range(3)], kind, "steel")
    world.append([(1, 0, 5, GAP)], "gap", "steel")
    world.append([(1, t, 1.0) for t in range(5)], "numeric", "power")
    if request.param == "sealed":
        world.telemetry.seal()
    return world


@pytest.fixture
def queries(
    at: Callable[[float], datetime],
    make_spec: Callable[..., SignalInfo],
) -> Ask:
    """Every query there is, as a scope asks it for some signals."""

    def ask(telemetry: Telemetry, scope: TenantScope, signals: list[int]) -> Iterator[pa.Table]:
        start, end = at(0), at(60)
        step: timedelta = at(1) - at(0)
        for kind in SampleKind:
            yield telemetry.read(scope, signals, start, end, kind)
        specs = [make_spec(s, kind=k) for s, k in zip(signals, KINDS, strict=False)]
        yield telemetry.latest(scope)
        yield telemetry.latest(scope, signals)
        numbers = [spec for spec in specs if spec.kind in {SampleKind.NUMERIC, SampleKind.INTEGER}]
        windows = np.array([[0, 4 * 10**15]])
        for thinning in Thinning:
            yield telemetry.trend(scope, numbers, start, end, 10, thinning=thinning)
        yield telemetry.aggregate(scope, specs, windows)
        yield telemetry.states(scope, [s for s in specs if s.kind is SampleKind.TEXT], windows)
        yield telemetry.summary(scope, specs, start, end)
        yield telemetry.wide(scope, numbers, start, end, step)
        for kind in SampleKind:
            if kind is not SampleKind.GAP:
                chunks = telemetry.export(scope, specs, windows, kind, ExportForm.FEATHER)
                yield chunks and feather.read_table(pa.BufferReader(b"".join(chunks)))
        yield telemetry.gaps(scope, signals, start, end)
        yield telemetry.facts(scope, start, at(1_000_000))

    return ask


def test_a_tenant_never_sees_anothers_samples(filled: World, queries: Ask) -> None:
    told = str([t.to_pylist() for t in queries(filled.telemetry, filled.scopes["power"], [1, 2, 3, 4])])
    assert "777000" not in told
    assert GAP not in told
    assert "'count': 5" in told
    # The same questions find the canaries for their owner, so they would have been seen.
    owner = str([t.to_pylist() for t in queries(filled.telemetry, filled.scopes["steel"], [1, 2, 3, 4])])
    assert owner.count("777000") > 10
    assert GAP in owner


def test_a_narrowed_scope_sees_only_its_signals(filled: World, queries: Ask) -> None:
    narrow = filled.scopes["steel"].narrowed(frozenset({3}), ALL)
    seen = set()
    for table in queries(filled.telemetry, narrow, [1, 2, 3, 4]):
        assert "s1" not in table.column_names or table["s1"].null_count == table.num_rows
        if "signal" in table.column_names:
            seen |= set(table["signal"].to_pylist())
    assert seen == {3}


def test_a_scope_of_no_signals_sees_nothing(filled: World, queries: Ask) -> None:
    nothing = filled.scopes["steel"].narrowed(frozenset(), ALL)
    for table in queries(filled.telemetry, nothing, [1, 2, 3, 4]):
        assert table.num_rows == 0 or set(table.column_names) <= {"ts", "s1", "s2", "s3", "s4"}
        assert all(table[name].null_count == table.num_rows for name in table.column_names if name != "ts")


def test_every_query_needs_the_permission_to_read(filled: World, queries: Ask) -> None:
    blind = filled.scopes["steel"].narrowed(frozenset({1, 2, 3, 4}), frozenset({Permission.INGEST}))
    asked = queries(filled.telemetry, filled.scopes["steel"], [1])
    number = len(list(asked))

    class Denying:
        """Asks on past a refusal, which ends a generator."""

        def __init__(self) -> None:
            self.denied = 0

        def __getattr__(self, name: str) -> Callable[..., object]:
            method = getattr(filled.telemetry, name)

            def call(*arguments: object, **named: object) -> object:
                with pytest.raises(AccessDenied):
                    method(*arguments, **named)
                self.denied += 1
                return None

            return call

    denying = Denying()
    assert list(queries(denying, blind, [1])) == [None] * number
    assert denying.denied == number


def test_appending_needs_the_permission_and_only_own_signals(
    world: World, make_batch: Callable[..., SampleBatch]
) -> None:
    steel = world.scopes["steel"]
    reader = steel.narrowed(frozenset({1}), frozenset({Permission.READ}))
    narrow = steel.narrowed(frozenset({1}), ALL)
    good, foreign = make_batch("numeric", [(1, 0, 1.0)]), make_batch("numeric", [(1, 1, 1.0), (2, 0, 1.0)])
    with pytest.raises(AccessDenied):
        world.telemetry.append(reader, [good])
    with pytest.raises(AccessDenied, match="signal 2"):
        world.telemetry.append(narrow, [good, foreign])
    with pytest.raises(AccessDenied, match="signal 2"):
        world.telemetry.append(narrow, [make_batch("gap", [(2, 0, 1, GAP)])])
    assert world.rows([1, 2]) == []
    assert world.telemetry.append(narrow, [good]) == 1
    assert world.values(1) == [1.0]


def test_a_tenants_files_hold_only_its_own_samples(filled: World) -> None:
    filled.telemetry.seal()
    folder = filled.root / "tenants"
    assert {path.name for path in folder.iterdir()} == {"steel", "power"}
    assert b"canary" in b"".join(p.read_bytes() for p in (folder / "steel").rglob("*.parquet"))
    assert b"canary" not in b"".join(p.read_bytes() for p in (folder / "power").rglob("*.parquet"))


def test_a_second_writer_is_refused(world: World) -> None:
    with pytest.raises(StoreInUse):
        Telemetry(world.root, world.metadata, background=False)
    world.append([(1, 0, 1.0)])
    world.telemetry.close()
    Telemetry(world.root, world.metadata, background=False).close()


WRITER = """
import sys, time
from pathlib import Path
from tundish_platform.store import Telemetry
from tundish_platform.tenancy.metadata import Metadata
Telemetry(Path(sys.argv[1]), Metadata(sys.argv[2]))
print("open", flush=True)
time.sleep(60)
"""


@pytest.mark.integration
def test_a_killed_writer_leaves_the_folder_free(new_world: Callable[..., World], tmp_path: Path) -> None:
    world = new_world(in_memory=False)
    url = str(world.metadata.engine.url)
    program = tmp_path / "writer.py"
    program.write_text(WRITER)
    with subprocess.Popen(
        [sys.executable, program, world.root, url], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            with pytest.raises(StoreInUse):
                world.open()
        finally:
            process.send_signal(signal.SIGKILL)
    world.open()
    assert world.append([(1, 0, 1.0)]) == 1
