"""Runs the parts of a campaign in a few processes, as long as there is time, and keeps what is done."""

from __future__ import annotations

import math
import multiprocessing
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tundish_deploy.campaigns.kept import Kept, key_of
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runs:
    """How a campaign's parts are run.

    Attributes:
        jobs: processes; none for all in this one.
        minutes: after so many no further part is begun; all of them otherwise.
        keep: a file of finished parts, which are not run again; the rest is added to it.
    """

    jobs: int = 2
    minutes: float | None = None
    keep: Path | None = None


HERE: Final = Runs(0)


def each(
    act: Callable[..., T], calls: Sequence[tuple[Any, ...]], runs: Runs, kind: type[T] | None = None
) -> list[T]:
    """Results of the calls that were made or kept, in order.

    Args:
        act: a function at a module's top, so that another process finds it.
        calls: its arguments.
        runs: in how many processes, how long, kept where.
        kind: what it returns, if it can be kept.

    Raises:
        OtherRun: the kept parts are not of this state of the source.
    """
    if kind is None or runs.keep is None:
        made = dict(_made(act, dict(enumerate(calls)), runs))
        return [made[number] for number in sorted(made)]
    kept = Kept(runs.keep, kind, act.__qualname__)
    known = kept.read()
    results = {number: known[key_of(call)] for number, call in enumerate(calls) if key_of(call) in known}
    missing = {number: call for number, call in enumerate(calls) if number not in results}
    for number, result in _made(act, missing, runs):
        kept.add(calls[number], result)
        results[number] = result
    return [results[number] for number in sorted(results)]


def _made(act: Callable[..., T], calls: Mapping[int, tuple[Any, ...]], runs: Runs) -> Iterator[tuple[int, T]]:
    """Make calls until the time is up; those that have begun are finished."""
    end = math.inf if runs.minutes is None else time.monotonic() + runs.minutes * 60
    left = ((number, call) for number, call in calls.items() if time.monotonic() < end)
    if not runs.jobs:
        yield from ((number, act(*call)) for number, call in left)
        return
    # Not forked: libraries with threads of their own do not survive that.
    # Their logs would get between the figures: where nobody said otherwise, they go to standard output.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(runs.jobs, context, configure_logs, ("CRITICAL",)) as pool:
        # One more than there are processes, so that none waits for the next.
        running = {pool.submit(act, *call): number for number, call in islice(left, runs.jobs + 1)}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
                running |= {pool.submit(act, *call): number for number, call in islice(left, 1)}


def folder_of() -> str:
    """Where simulated disks lie: in memory if there is such a place, because nothing is really synced."""
    memory = Path("/dev/shm")  # noqa: S108 - each run makes a folder of its own there
    return str(memory) if memory.is_dir() else tempfile.gettempdir()
