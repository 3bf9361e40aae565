"""Killing the log's leader and the active writer of a store on several machines, and reading what is left."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tundish_platform.store.cluster import PartitionWriter
from tundish_platform.store.clusterreader import ClusterReader
from tundish_platform.store.log.fence import StaleHolder, guard
from tundish_platform.store.testing.clusterprocess import PARTITION, Tenant, joined, run
from tundish_platform.store.testing.kills import journalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from tundish_platform.store.testing.bucket import BucketServer
    from tundish_platform.store.testing.kills import Acknowledged
    from tundish_platform.store.testing.nodes import NatsNodes
    from tundish_platform.tenancy.scope import TenantScope

PATIENCE_S: Final = 120.0
# Counts of an appender begin above all that another one can have reached.
_LEAP: Final = 1_000_000
_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(slots=True)
class StoreFindings:
    """What a fresh reader finds beside what was promised.

    Attributes:
        acknowledged: rows that were promised.
        lost: (tenant, count) promised and not found.
        repeated: found more than once.
        wrong: found with another value than was written.
        sealed: rows that lie in segments.
        tokens: of the writers that committed, as they came.
        stale_commits: transactions of dead writers that were let through.
    """

    acknowledged: int
    lost: list[tuple[int, int]] = field(default_factory=list)
    repeated: list[tuple[int, int]] = field(default_factory=list)
    wrong: list[tuple[int, int]] = field(default_factory=list)
    sealed: int = 0
    tokens: list[int] = field(default_factory=list)
    stale_commits: int = 0

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.repeated or self.wrong or self.stale_commits)


def check_rows(promised: Iterable[Acknowledged], found: Iterable[tuple[int, int, float]]) -> StoreFindings:
    """Every promised count must be there exactly once, with its own value.

    Args:
        promised: what appenders noted.
        found: (tenant, count, value) of all rows.
    """
    findings = StoreFindings(0)
    there: set[tuple[int, int]] = set()
    for tenant, number, value in found:
        if (tenant, number) in there:
            findings.repeated.append((tenant, number))
        if value != number:
            findings.wrong.append((tenant, number))
        there.add((tenant, number))
    for one in promised:
        findings.acknowledged += 1
        if (one.tenant, one.count) not in there:
            findings.lost.append((one.tenant, one.count))
    return findings


class StoreKillTrial:
    """Two appenders, two writers that want the same partition, three log servers, an object store.

    Args:
        root: a new folder.
        nodes: the log's servers.
        bucket: the object store.
        database: URL of the metadata, migrated.
        scopes: tenants to append for.
        progress: acknowledged rows between two kills, of each appender.
    """

    def __init__(
        self,
        root: Path,
        nodes: NatsNodes,
        bucket: BucketServer,
        database: str,
        scopes: Sequence[TenantScope],
        progress: int = 40,
    ) -> None:
        self._root = root
        self._nodes = nodes
        self._bucket = bucket
        self._database = database
        self._scopes = list(scopes)
        self._progress = progress
        self._started = 0
        self._processes: list[ForkServerProcess] = []
        # Processes of their own that need not import everything anew, which takes longer than the trial.
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload([run.__module__])

    def run(self, rounds: int) -> StoreFindings:
        """Do so many rounds, each with a killed leader and a killed writer; then read everything.

        Raises:
            TimeoutError: it does not go on after a kill.
        """
        try:
            writers = {name: self._writer(name) for name in ("a", "b")}
            appenders = [self._start("append", str(index), str(index * _LEAP)) for index in (1, 2)]
            killed: list[int] = []
            for turn in range(rounds):
                active = self._await_active(killed)
                self._await_progress()
                leader = self._nodes.leader(f"TUNDISH_LOG_{PARTITION}")
                self._nodes.kill(leader)
                _kill(writers[active[0]])
                killed.append(active[1])
                self._await_active(killed)
                self._await_progress()
                self._nodes.start(leader)
                writers[active[0]] = self._writer(f"{active[0]}{turn}")
                writers[f"{active[0]}{turn}"] = writers.pop(active[0])
            for process in appenders:
                _kill(process)
        finally:
            for process in self._processes:
                _kill(process)
        return self._look(killed)

    def _look(self, killed: Sequence[int]) -> StoreFindings:
        with joined(self._words(), "look") as cluster:
            reader = ClusterReader(cluster)
            try:
                before = check_rows(self._promised(), self._found(reader))
                with PartitionWriter(
                    cluster, PARTITION, self._root / "look", "look", wait_s=60, background=False
                ) as writer:
                    writer.telemetry.seal()
                    after = check_rows(self._promised(), self._found(reader))
                    after.sealed = writer.telemetry.state().rows
                    after.tokens = [*killed, writer.token]
                for one in ("lost", "repeated", "wrong"):
                    setattr(after, one, [*getattr(before, one), *getattr(after, one)])
                for token in killed:
                    try:
                        with cluster.metadata.session() as session:
                            guard(session, PARTITION, token)
                    except StaleHolder:
                        continue
                    after.stale_commits += 1
            finally:
                reader.close()
        return after

    def _found(self, reader: ClusterReader) -> Iterable[tuple[int, int, float]]:
        for scope in self._scopes:
            reader.refresh(scope)
            table = reader.read(scope, [1], *_EVER)
            ticks = table["ts"].cast("int64").to_pylist()
            for tick, value in zip(ticks, table["value"].to_pylist(), strict=True):
                yield scope.tenant_id, tick // 1000, value

    def _promised(self) -> list[Acknowledged]:
        return [one for path in self._root.glob("journal-*") for one in journalled(path)]

    def _words(self) -> list[str]:
        access = self._bucket.access
        tenants = ",".join(Tenant(scope.tenant_id, scope.slug).told() for scope in self._scopes)
        return [str(self._root), ",".join(self._nodes.urls), access.endpoint or "", self._database, tenants]

    def _writer(self, name: str) -> ForkServerProcess:
        return self._start("write", name, "0")

    def _start(self, what: str, name: str, first: str) -> ForkServerProcess:
        words = (*self._words(), what, name, first)
        process = self._forks.Process(target=run, args=words, daemon=True)
        process.start()
        self._processes.append(process)
        return process

    def _await_active(self, killed: Sequence[int]) -> tuple[str, int]:
        """Name and token of the writer that took the partition after those that were killed."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for path in self._root.glob("holds-*"):
                whole, _, _ = path.read_text().rpartition("\n")
                tokens = [int(line) for line in whole.splitlines() if int(line) > max(killed, default=0)]
                if tokens:
                    return path.name.removeprefix("holds-"), tokens[-1]
            time.sleep(0.05)
        raise TimeoutError(f"no writer took over within {PATIENCE_S:.0f} s; see {self._root}")

    def _await_progress(self) -> None:
        before = self._counts()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            counts = self._counts()
            if all(counts[key] - before[key] >= self._progress for key in counts):
                return
            time.sleep(0.05)
        raise TimeoutError(f"no progress within {PATIENCE_S:.0f} s; see {self._root}")

    def _counts(self) -> dict[str, int]:
        paths = [self._root / f"journal-{index}" for index in (1, 2)]
        return {path.name: sum(1 for _ in journalled(path)) for path in paths}


def _kill(process: ForkServerProcess) -> None:
    process.kill()
    process.join()
