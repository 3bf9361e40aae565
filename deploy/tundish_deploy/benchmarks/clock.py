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
