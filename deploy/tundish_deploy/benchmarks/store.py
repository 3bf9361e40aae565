"""The store's write path beside DuckDB and SQLite: same batches, durable on acknowledgement."""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from tundish_deploy.benchmarks.clock import Stopwatch
from tundish_deploy.benchmarks.workload import START, numeric_batches
from tundish_deploy.figures import Report, judged
from tundish_platform.migrations import upgrade
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_platform.samples import SampleBatch

SIGNALS: Final = 1000
_MILLION: Final = 1_000_000
_REPEATS: Final = 9
# SQLite is slow enough for a tenth of the rows to tell its speed.
_SQLITE_SHARE: Final = 10


class Written(NamedTuple):
    """An engine's ingest: rows a second, processor seconds a million rows, size, median commit."""

    rate: float
    cpu: float
    bytes_per_row: float
    commit_ms: float


def bench_store(rows: int, batch_rows: int) -> Report:
    """Write the same rows with each engine, then ask ours; one run, one machine."""
    batches = list(numeric_batches(rows, batch_rows, SIGNALS))
    with TemporaryDirectory() as folder:
        place = Path(folder)
        ours, queries = _ours(place, batches)
        duck = _duckdb(place, batches)
        lite = _sqlite(place, batches[: max(1, len(batches) // _SQLITE_SHARE)])
    peers = {"duckdb": duck, "sqlite_full": lite}

    def of(field: str) -> dict[str, float]:
        return {name: getattr(peer, field) for name, peer in peers.items()}

    figures = [
        judged("ingest_rows_per_s", ours.rate, "1/s", "higher", peers=of("rate")),
        judged("ingest_cpu_s_per_million", ours.cpu, "s", "lower", peers=of("cpu")),
        judged("ingest_vs_duckdb", ours.rate / duck.rate, "1", "higher"),
        judged("ingest_vs_sqlite", ours.rate / lite.rate, "1", "higher"),
        judged("commit_p50_ms", ours.commit_ms, "ms", "lower", peers=of("commit_ms")),
        judged("bytes_per_row", ours.bytes_per_row, "By", "lower", peers=of("bytes_per_row")),
        *(judged(name, value, "ms", "lower") for name, value in queries.items()),
    ]
    conditions = {
        "rows": rows,
        "batch_rows": batch_rows,
        "signals": SIGNALS,
        "sealing counted": "yes, all rows lie in Parquet at the end",
        "sqlite rows": rows // _SQLITE_SHARE,
        "repeats of a query": _REPEATS,
    }
    return Report("bench store", conditions, figures)


def _written(folder: Path, batches: Sequence[SampleBatch], write: Callable[[SampleBatch], None]) -> Written:
    """Time `write` over all batches; what the caller does after the last belongs to the last."""
    commits = []
    rows = sum(len(batch) for batch in batches)
    with Stopwatch() as watch:
        for batch in batches:
            begun = time.perf_counter()
            write(batch)
            commits.append(time.perf_counter() - begun)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    median_ms = statistics.median(commits) * 1000
    return Written(rows / watch.wall, watch.cpu / rows * _MILLION, size / rows, median_ms)


def _ours(place: Path, batches: Sequence[SampleBatch]) -> tuple[Written, dict[str, float]]:
    metadata = Metadata(f"sqlite:///{place / 'metadata.sqlite'}")
    upgrade(metadata)
    with metadata.session() as session:
        tenant = create_tenant(session, "bench", "基准", "Bench").id
    principal = Principal(1, "bench", {"bench": (tenant, frozenset({Role.ANALYST}))})
    scope = access_tenant(principal, "bench", Permission.INGEST)
    folder = place / "ours"
    with closing(Telemetry(folder, metadata, background=False)) as store:
        last = batches[-1]

        def write(batch: SampleBatch) -> None:
            store.append(scope, [batch])
            if batch is last:
                store.seal()

        return _written(folder, batches, write), _queries(store, scope)


def _queries(store: Telemetry, scope: TenantScope) -> dict[str, float]:
    hours = timedelta(hours=1)
    store.latest(scope)
    return {
        "latest_1000_ms": _median_ms(lambda: store.latest(scope)),
        "trend_1x1h_ms": _median_ms(lambda: store.trend(scope, [5], START, START + hours, 2000)),
        "read_20x1h_ms": _median_ms(lambda: store.read(scope, range(20), START, START + hours)),
    }


def _median_ms(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


def _duckdb(place: Path, batches: Sequence[SampleBatch]) -> Written:
    import duckdb

    folder = place / "duckdb"
    folder.mkdir()
    with closing(duckdb.connect(str(folder / "bench.duckdb"))) as connection:
        connection.execute("SET threads=2")
        connection.execute("CREATE TABLE s (signal UINTEGER, ts TIMESTAMPTZ, value DOUBLE, status UINTEGER)")
        last = batches[-1]

        def write(batch: SampleBatch) -> None:
            connection.register("batch", batch.table)
            connection.execute("INSERT INTO s SELECT * FROM batch")
            connection.unregister("batch")
            if batch is last:
                connection.execute("CHECKPOINT")

        return _written(folder, batches, write)


def _sqlite(place: Path, batches: Sequence[SampleBatch]) -> Written:
    folder = place / "sqlite"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "bench.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE s (signal INTEGER, ts INTEGER, value REAL, status INTEGER)")

        def write(batch: SampleBatch) -> None:
            table = batch.table.set_column(1, "ts", batch.table["ts"].cast("int64"))
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO s VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")

        return _written(folder, batches, write)
