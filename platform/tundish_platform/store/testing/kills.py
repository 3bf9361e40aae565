"""Killing the servers and the writers of a replicated log under load, and looking what is left."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tundish_platform.store.log.jetstream import JetStreamLog
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.testing.nodes import NatsNodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tundish_platform.store.log.records import LogRecord

PATIENCE_S: Final = 120.0
# Counts of a writer that replaces a killed one begin above all that that one can have reached.
_LEAP: Final = 1_000_000
_WRITERS: Final = (("1", "2", "3"), ("4", "5", "6"))
_TENANTS: Final = tuple(int(tenant) for writer in _WRITERS for tenant in writer)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A record that somebody was told to be safe."""

    tenant: int
    count: int
    sequence: int


@dataclass(slots=True)
class Findings:
    """What a log holds beside what it should.

    Attributes:
        acknowledged: how many records were promised.
        lost: promised and not there, or under another sequence.
        repeated: there more than once.
        disordered: of a tenant, behind one that was promised later.
        problems: what the log itself says.
    """

    acknowledged: int
    lost: list[Acknowledged] = field(default_factory=list)
    repeated: list[tuple[int, int]] = field(default_factory=list)
    disordered: list[Acknowledged] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.repeated or self.disordered or self.problems)


def check(promised: Iterable[Acknowledged], records: Iterable[LogRecord]) -> Findings:
    """Every promised record must be there exactly once, and a tenant's in the order of the promises."""
    findings = Findings(0)
    there: dict[tuple[int, int], int] = {}
    for record in records:
        key = (record.tenant, int(record.payload))
        if key in there:
            findings.repeated.append(key)
        there[key] = record.sequence
    last: dict[int, int] = {}
    for one in promised:
        findings.acknowledged += 1
        if there.get((one.tenant, one.count)) != one.sequence:
            findings.lost.append(one)
        if one.sequence <= last.get(one.tenant, -1):
            findings.disordered.append(one)
        last[one.tenant] = max(one.sequence, last.get(one.tenant, -1))
    return findings


def journalled(journal: Path) -> Iterator[Acknowledged]:
    """What the writers noted; a line that was cut by a kill was told to nobody."""
    whole, _, _ = journal.read_text().rpartition("\n") if journal.exists() else ("", "", "")
    for line in whole.splitlines():
        yield Acknowledged(*map(int, line.split()))


class KillTrial:
    """A cluster and two writers; each round kills the log's leader, and then one of the writers.

    Args:
        root: a new folder.
        seed: of what is killed when.
        progress: records that must be acknowledged between two kills.
    """

    def __init__(self, root: Path, seed: int, progress: int = 200) -> None:
        self._journal = root / "journal"
        self._nodes = NatsNodes(root, 3)
        self._random = random.Random(seed)  # noqa: S311 - repeats a trial, protects nothing
        self._progress = progress
        self._writers: list[subprocess.Popen[bytes]] = []
        self._started = 0

    def run(self, rounds: int) -> Findings:
        """Do so many rounds and look at the log.

        Raises:
            TimeoutError: the log does not go on after a kill.
        """
        with self._nodes:
            try:
                self._writers = [self._writer(tenants) for tenants in _WRITERS]
                for _ in range(rounds):
                    self._round()
            finally:
                for writer in self._writers:
                    _kill(writer)
            return self._look()

    def _round(self) -> None:
        self._await_progress()
        leader = self._nodes.leader("TUNDISH_LOG_0")
        self._nodes.kill(leader)
        self._await_progress()
        self._nodes.start(leader)
        which = self._random.randrange(len(_WRITERS))
        _kill(self._writers[which])
        self._writers[which] = self._writer(_WRITERS[which])
        self._await_progress()

    def _writer(self, tenants: tuple[str, ...]) -> subprocess.Popen[bytes]:
        self._started += 1
        words = [",".join(self._nodes.urls), "0", str(self._journal), str(self._started * _LEAP)]
        module = "tundish_platform.store.testing.appender"
        command = [sys.executable, "-m", module, *words, ",".join(tenants)]
        return subprocess.Popen(command)  # noqa: S603 - our own module

    def _await_progress(self) -> None:
        """Until every writer had records acknowledged since now, not only the one that is left."""
        before = self._counts()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            counts = self._counts()
            if all(counts.get(tenant, 0) - before.get(tenant, 0) >= self._progress for tenant in _TENANTS):
                return
            time.sleep(0.05)
        raise TimeoutError(f"no progress within {PATIENCE_S:.0f} s: {before} became {self._counts()}")

    def _counts(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for one in journalled(self._journal):
            counts[one.tenant] = counts.get(one.tenant, 0) + 1
        return counts

    def _look(self) -> Findings:
        link = NatsLink(self._nodes.urls, "tundish-look")
        try:
            log = JetStreamLog(link, 0, patience_s=60)
            findings = check(journalled(self._journal), log.replay())
            findings.problems = log.problems
            return findings
        finally:
            link.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
