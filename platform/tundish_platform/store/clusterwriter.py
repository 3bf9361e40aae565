"""A process that writes for a store on several machines: it takes its fair share of the partitions.

Every member beats under a key of its own beside the holds, and counts who else does. With `n` members alive
each takes at most an `n`-th of the partitions, rounded up, and gives back what is more: whoever comes finds
something, and what a dead member held is free to all others once its lease is over.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
import structlog

from tundish_platform.store.cluster import PartitionWriter
from tundish_platform.store.log.hold import HeldElsewhere, holds_table
from tundish_platform.store.log.interface import StoreFailed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nats.js.kv import KeyValue

    from tundish_platform.store.cluster import Cluster
    from tundish_platform.store.write.sealer import SealSettings

log = structlog.get_logger(__name__)

_MEMBER: Final = "member."
_PARTITION: Final = "partition."
_GONE: Final = b"gone"


@dataclass(slots=True)
class _Key:
    """A key of the table, as this process has seen it move."""

    revision: int
    since: float
    value: bytes


class WriterMember:
    """One of the writers of a cluster.

    Args:
        cluster: what the processes share.
        folder: of this process; nothing in it needs to survive.
        name: of this process, unique; letters, digits and hyphens.
        settings: when rows become segments.
        clock: monotonic seconds.

    Attributes:
        held: the partitions that this process writes for, by number.
        heard: whether the log's servers answered at the last turn.
    """

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        name: str,
        *,
        settings: SealSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._folder = folder
        self._name = name
        self._settings = settings
        self._clock = clock
        self._keys: dict[str, _Key] = {}
        self._table: KeyValue | None = None
        self._beats = 0
        self.held: dict[int, PartitionWriter] = {}
        self.heard = False

    def run(self, stopped: threading.Event) -> None:
        """Write until told to stop; then give everything back, so that others take it at once."""
        try:
            while not stopped.is_set():
                try:
                    self.turn()
                    self.heard = True
                except (StoreFailed, nats.errors.Error, OSError) as problem:
                    self.heard = False
                    log.warning("the log's servers do not answer", problem=str(problem))
                stopped.wait(self._cluster.lease_s / 5)
        finally:
            self.close()

    def turn(self) -> None:
        """Beat, look around, and take what is due to this writer, or give back one partition.

        Raises:
            StoreFailed: the log's servers do not answer.
        """
        for number in [number for number, writer in self.held.items() if writer.lost.is_set()]:
            log.error("a partition is lost to this writer", partition=number)
            self.held.pop(number).close()
        self._look()
        if self._beats == 1:
            # Whoever starts at the same moment has not been seen yet.
            return
        share = math.ceil(self._cluster.partitions / self.members)
        if len(self.held) > share:
            number, writer = self.held.popitem()
            log.info("gives a partition to another writer", partition=number)
            writer.close()
        else:
            for number in self._free()[: share - len(self.held)]:
                self._take(number)

    @property
    def members(self) -> int:
        """How many writers are alive as far as this one has seen, itself included."""
        lease, now = self._cluster.lease_s, self._clock()
        mine = _MEMBER + self._name
        others = (key for name, key in self._keys.items() if name.startswith(_MEMBER) and name != mine)
        return 1 + sum(key.value != _GONE and now - key.since < lease for key in others)

    def problems(self) -> Sequence[str]:
        """What is damaged or failing in the partitions held, in words."""
        return [text for writer in self.held.values() for text in writer.telemetry.problems()]

    def close(self) -> None:
        """Give everything back."""
        for writer in self.held.values():
            writer.close()
        self.held.clear()
        try:
            self._put(_GONE)
        except (StoreFailed, nats.errors.Error, OSError) as problem:
            log.info("others will see later that this writer is gone", problem=str(problem))

    def _look(self) -> None:
        self._beats += 1
        self._put(b"%d" % self._beats)
        found = self._cluster.link.run(self._read())
        now = self._clock()
        for name, (revision, value) in found.items():
            known = self._keys.get(name)
            if known is None or known.revision != revision:
                self._keys[name] = _Key(revision, now, value)
        self._keys = {name: key for name, key in self._keys.items() if name in found}

    def _free(self) -> list[int]:
        """Partitions that nobody holds, or whose holder was silent for the lease; others leave them first.

        Each member begins elsewhere, so that two seldom want the same one.
        """
        lease, now, count = self._cluster.lease_s, self._clock(), self._cluster.partitions
        begin = sum(self._name.encode()) % count
        found = []
        for step in range(count):
            number = (begin + step) % count
            key = self._keys.get(f"{_PARTITION}{number}")
            silent = key is None or b'"free": true' in key.value or now - key.since >= lease
            if number not in self.held and silent:
                found.append(number)
        return found

    def _take(self, number: int) -> None:
        key = self._keys.get(f"{_PARTITION}{number}")
        try:
            self.held[number] = PartitionWriter(
                self._cluster,
                number,
                self._folder / f"partition-{number}",
                self._name,
                stood_still=(-1, 0.0) if key is None else (key.revision, key.since),
                settings=self._settings,
            )
        except HeldElsewhere:
            return
        log.info("writes for a partition", partition=number, token=self.held[number].token)

    def _put(self, value: bytes) -> None:
        link = self._cluster.link
        if self._table is None:
            self._table = link.run(holds_table(link))
        link.run(self._table.put(_MEMBER + self._name, value))

    async def _read(self) -> dict[str, tuple[int, bytes]]:
        if self._table is None:
            return {}
        try:
            names = await self._table.keys()
        except nats.js.errors.NoKeysError:
            return {}
        found = {}
        for name in names:
            try:
                entry = await self._table.get(name)
            except nats.js.errors.KeyNotFoundError:
                continue
            found[name] = (entry.revision or 0, entry.value or b"")
        return found
