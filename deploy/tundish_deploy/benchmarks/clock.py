"""Wall and processor time of a block, the two numbers every benchmark starts from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self


@dataclass(slots=True)
class Stopwatch:
    """Measures a ``with`` block: `wall` and `cpu` in seconds, the latter of this process with its threads."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Self:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_error: object) -> None:
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu


@dataclass(slots=True)
class Cost:
    """What some work took: seconds of both kinds, and how many samples, points or models it was."""

    wall: float = 0.0
    cpu: float = 0.0
    count: int = 0

    def add(self, watch: Stopwatch, count: int) -> None:
        """Another measured block."""
        self.wall += watch.wall
        self.cpu += watch.cpu
        self.count += count

    @property
    def per_core_s(self) -> float:
        """Units in a second of processor time."""
        return self.count / max(self.cpu, 1e-9)

    @property
    def cpu_s_per_million(self) -> float:
        """Processor seconds a million units."""
        return self.cpu / max(self.count, 1) * 1e6
