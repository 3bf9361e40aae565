"""Runs parts of a campaign in a few processes, and says where their files go."""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    T = TypeVar("T")


def each(act: Callable[..., T], calls: Sequence[tuple[Any, ...]], workers: int) -> Iterator[T]:
    """Results of all calls, in order.

    Args:
        act: a function at a module's top, so that another process finds it.
        calls: its arguments.
        workers: processes; with none all is done here, one after the other.
    """
    if not workers:
        yield from (act(*call) for call in calls)
        return
    # Not forked: libraries with threads of their own do not survive that.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(act, *zip(*calls, strict=True))


def folder_of() -> str:
    """Where simulated disks lie: in memory if there is such a place, because nothing is really synced."""
    memory = Path("/dev/shm")  # noqa: S108 - each run makes a folder of its own there
    return str(memory) if memory.is_dir() else tempfile.gettempdir()
