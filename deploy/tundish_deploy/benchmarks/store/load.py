"""Rows that keep coming while questions are asked."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.store.workload import moved

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType
    from typing import Self

    from tundish_deploy.benchmarks.store.ours import Ours
    from tundish_platform.samples import SampleBatch

RATE: Final = 200_000


class Load:
    """A thread that appends `RATE` rows a second, later and later ones, while the ``with`` block runs.

    Args:
        ours: gets them.
        batches: sent again and again, each time moved on by `span`.
        span: how much time they cover.

    Attributes:
        rate: rows a second that really came, once the block has ended.
    """

    def __init__(self, ours: Ours, batches: list[SampleBatch], span: timedelta) -> None:
        self._ours = ours
        self._batches = batches
        self._span = span
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._turns = 0
        self.rate = 0.0
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def _run(self) -> None:
        begun, rows = time.perf_counter(), 0
        try:
            while not self._stopped.is_set():
                turn, at = divmod(self._turns, len(self._batches))
                batch = moved(self._batches[at], (turn + 1) * self._span)
                self._ours.write(batch)
                self._turns += 1
                rows += len(batch)
                self._stopped.wait(max(0.0, begun + rows / RATE - time.perf_counter()))
        except Exception as error:  # noqa: BLE001 - handed to the thread that asks
            self._error = error
        self.rate = rows / (time.perf_counter() - begun)
