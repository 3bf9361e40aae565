"""Tenants with published tables, and a cluster of a real scheduler and two worker processes on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tundish_analytics.city.cluster import connect
from tundish_analytics.city.tables import TenantTables
from tundish_platform.samples import SampleKind, SignalInfo
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments.delta import DataFile, DeltaTables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distributed import Client

BAD = 0x8035_0000
DAYS = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
PATIENCE_S = 60.0
SEMANTICS = ("pressure.hydraulic", "temperature.oil.hydraulic", "power.active", "flow.hydraulic")
TIMES = pa.timestamp("us", tz="UTC")


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def make_signals(machines: int = 1) -> tuple[SignalInfo, ...]:
    """Four signals a machine, a value a minute, held until the next one."""
    return tuple(
        SignalInfo(
            path=f"S/A/L/M{machine}/C/V{number}", name_zh="量", name_en="v", semantic=semantic,
            period_s=60.0, step=True, id=machine * 4 + number + 1, source="test",
        )
        for machine in range(machines)
        for number, semantic in enumerate(SEMANTICS)
    )  # fmt: skip


def publish(place: Path, kind: SampleKind, day: date, table: pa.Table) -> None:
    path = f"{kind}/day={day}/{0:020d}.parquet"
    file = place / path
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, compression="zstd", row_group_size=1024)
    begin = midnight(day)
    data = DataFile(
        path, table.num_rows, file.stat().st_size, begin, begin + timedelta(days=1, microseconds=-1)
    )
    DeltaTables(LocalFiles()).publish(place, kind, {day: [data]})


def day_of_samples(signals: tuple[SignalInfo, ...], day: date, seed: int) -> pa.Table:
    """Samples at whole tens of seconds, some missing, some bad; a machine's signals swing together."""
    rng = np.random.default_rng(seed)
    parts = []
    for spec in signals:
        ts = np.arange(0, 86_400, 60) + 10 * rng.integers(0, 5, 1440)
        keep = (rng.random(1440) > 0.05) & ~((ts > 40_000) & (ts < 40_000 + 400 * (spec.id % 3)))
        value = np.sin(ts / 3000 + spec.id // 4) * 5 + spec.id + rng.normal(0, 0.1, 1440)
        status = np.where(rng.random(1440) < 0.03, BAD, 0)
        parts.append((np.full(keep.sum(), spec.id), ts[keep], value[keep], status[keep]))
    signal_, ts, value, status = (np.concatenate(column) for column in zip(*parts, strict=True))
    us = ts * 1_000_000 + int(midnight(day).timestamp() * 1e6)
    return pa.table(
        {
            "signal": pa.array(signal_, pa.uint32()),
            "ts": pa.array(us, TIMES),
            "value": value,
            "status": pa.array(status, pa.uint32()),
            "arrival": pa.array(us, TIMES),
            "live": pa.array(np.ones(len(us), bool)),
        }
    )


@pytest.fixture
def make_tenants(tmp_path: Path) -> Callable[..., list[TenantTables]]:
    """Makes tenants with samples on each of `DAYS`, and a gap in the first one's second day."""

    def make(count: int, machines: int = 1) -> list[TenantTables]:
        signals = make_signals(machines)
        tenants = []
        for number in range(count):
            place = tmp_path / "tenants" / f"plant-{number}"
            for index, day in enumerate(DAYS):
                publish(place, SampleKind.NUMERIC, day, day_of_samples(signals, day, number * 10 + index))
            tenants.append(TenantTables(f"plant-{number}", str(place), signals))
        begin = midnight(DAYS[1]) + timedelta(hours=2)
        row = {"signal": 1, "ts": begin, "end": begin + timedelta(hours=3), "reason": "silent"}
        table = pa.Table.from_pylist(
            [row | {"arrival": begin, "live": True}],
            schema=pa.schema(
                {
                    "signal": pa.uint32(), "ts": TIMES, "end": TIMES, "reason": pa.string(),
                    "arrival": TIMES, "live": pa.bool_(),
                }
            ),
        )  # fmt: skip
        publish(tmp_path / "tenants" / "plant-0", SampleKind.GAP, DAYS[1], table)
        return tenants

    return make


@dataclass
class Cluster:
    """A scheduler and workers, each a process."""

    folder: Path
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    def start(self) -> None:
        self.scheduler = self._process("scheduler", "--port", "0", "--no-show")
        until(self._file.exists)

    def add(self, name: str) -> None:
        self.workers[name] = self._process(
            "worker", "--name", name, "--nthreads", "1", "--memory-limit", "0", "--no-nanny"
        )

    def client(self) -> Client:
        """Once all workers are there."""
        address = json.loads(self._file.read_text())["address"]
        client = connect(address, timeout_s=PATIENCE_S)
        if self.workers:
            client.wait_for_workers(len(self.workers), timeout=PATIENCE_S)
        return client

    def stop(self, name: str) -> None:
        """Let a worker do nothing more, without the scheduler knowing."""
        self.workers[name].send_signal(signal.SIGSTOP)

    def kill(self, name: str) -> None:
        process = self.workers.pop(name)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in [*self.workers.values(), self.scheduler]:
            if process is not None:
                process.kill()
                process.wait()

    def _process(self, part: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{part}", "--scheduler-file", str(self._file)]
        with (self.folder / f"{part}.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--no-dashboard", *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, generously."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers for all tests: what costs is their imports."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        made.add("worker-0")
        made.add("worker-1")
        yield made
    finally:
        made.end()


@pytest.fixture
def empty_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler that nobody works for."""
    (tmp_path / "scheduler").mkdir()
    made = Cluster(tmp_path / "scheduler")
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    return until
