"""What every engine does in the benchmark, and how its work is timed.

The same rules for all: a batch counts when its write is acknowledged, and the clock stops when the engine is
at rest, that is when everything is flushed and its own merging is done. Bringing a batch into the engine's
form (text, COPY's binary) is done before the clock runs and told apart, which favours the peers: ours and
DuckDB take the Arrow batch itself.
"""

from __future__ import annotations

import os
import statistics
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tundish_deploy.benchmarks.store.processes import processor_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tundish_platform.samples import SampleBatch

MILLION: Final = 1_000_000
_BLOCK_BYTES: Final = 512


AnyEngine = TypeVar("AnyEngine", bound="Engine")


class WrongRows(Exception):  # noqa: N818 - what was found
    """An engine does not hold the rows it was given, or answers differently; its speed means nothing."""


class Engine(ABC):
    """A store that takes batches.

    Attributes:
        name: in the report.
        writers: threads that write at once; as many as the engine gains from.
        folder: everything it keeps on disk.
    """

    name: str
    writers: int = 1
    folder: Path

    @abstractmethod
    def encode(self, batch: SampleBatch) -> Any:  # noqa: ANN401 - the engine's own form
        """A batch as the engine wants it; not timed."""

    @abstractmethod
    def write(self, encoded: Any) -> None:  # noqa: ANN401 - the engine's own form
        """Give it to the engine; returns when the engine acknowledges it. Called from `writers` threads."""

    @abstractmethod
    def settle(self) -> float:
        """Flush, merge and wait for the end of it; returns when that was (`time.perf_counter`)."""

    @abstractmethod
    def rows(self) -> int:
        """How many rows a query finds."""

    @abstractmethod
    def close(self) -> None:
        """Stop its processes, if it has any."""

    def pids(self) -> list[int]:
        """Its processes besides this one."""
        return []

    def shrink(self) -> None:  # noqa: B027 - most engines have nothing of the kind
        """Merge further before the size is taken, where an engine offers it; not timed."""

    def disk_bytes(self) -> int:
        """What the rows take on disk."""
        return disk_bytes(self.folder)


@dataclass(frozen=True, slots=True)
class Written:
    """What an engine's ingest came to.

    Attributes:
        rows: written.
        rate: rows a second until the engine was at rest.
        acknowledged: rows a second until the last acknowledgement.
        cpu: processor seconds for a million rows, servers and merging included.
        encode_s: seconds to bring a million rows into the engine's form; in no other number here.
        bytes_per_row: on disk, at the end.
        commit_ms: median time of a batch.
    """

    rows: int
    rate: float
    acknowledged: float
    cpu: float
    encode_s: float
    bytes_per_row: float
    commit_ms: float

    @property
    def rate_with_encoding(self) -> float:
        """Rows a second when the sender's own work is counted, too."""
        return 1 / (1 / self.rate + self.encode_s / MILLION)


def measure(engine: Engine, batches: Iterable[SampleBatch], *, expected: int | None = None) -> Written:
    """Write batches and count what it cost.

    Args:
        engine: fresh, without rows.
        batches: read once; an engine that takes them as they are gets them one by one.
        expected: rows it must hold at the end; as many as were given if absent.

    Raises:
        WrongRows: it holds others.
    """
    begun = time.perf_counter()
    encoded = [(len(batch), engine.encode(batch)) for batch in batches]
    encode_s = time.perf_counter() - begun
    rows = sum(count for count, _ in encoded)
    own, theirs = time.process_time(), processor_s(engine.pids())
    begun = time.perf_counter()
    commits = _written(engine, [form for _, form in encoded])
    acknowledged = time.perf_counter() - begun
    rested = engine.settle() - begun
    cpu = time.process_time() - own + processor_s(engine.pids()) - theirs
    found = engine.rows()
    if found != (rows if expected is None else expected):
        raise WrongRows(f"{engine.name} holds {found:,} rows and should hold {expected or rows:,}")
    engine.shrink()
    return Written(
        rows,
        rows / rested,
        rows / acknowledged,
        cpu / rows * MILLION,
        encode_s / rows * MILLION,
        engine.disk_bytes() / found,
        statistics.median(commits) * 1000,
    )


def _written(engine: Engine, encoded: list[Any]) -> list[float]:
    """Seconds each batch took until it was acknowledged."""

    def write(form: Any) -> float:  # noqa: ANN401 - the engine's own form
        begun = time.perf_counter()
        engine.write(form)
        return time.perf_counter() - begun

    if engine.writers == 1:
        return [write(form) for form in encoded]
    with ThreadPoolExecutor(engine.writers) as pool:
        return list(pool.map(write, encoded))


def disk_bytes(folder: Path) -> int:
    """What the files below a folder take on disk; space reserved in a file and not written does not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(place, name)).st_blocks * _BLOCK_BYTES  # noqa: PTH118 - many files
    return total


@contextmanager
def closing(engine: AnyEngine) -> Iterator[AnyEngine]:
    """An engine that is stopped afterwards, whatever happens."""
    try:
        yield engine
    finally:
        engine.close()
