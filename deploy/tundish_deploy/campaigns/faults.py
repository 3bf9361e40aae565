"""Every write, sync and rename fails once, broken or full; then the disk stays full; then one really is."""

from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns import full_disk
from tundish_deploy.campaigns.machine import SHORT
from tundish_deploy.campaigns.runner import Runs, each
from tundish_deploy.campaigns.script import PROMISES, Faulty, FullFrom, once, run
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_deploy.campaigns.full_disk import FullDisk

EIO, ENOSPC, FULL = "EIO", "ENOSPC", "full"
HALF: Final = "short"
_MODES: Final = (EIO, ENOSPC, FULL)
# SQLite's own file layer goes on after a short write; below it there is only the whole one.
_SQLITE: Final = ("wal", "database", "journal")


def with_fault(seed: str, mode: str, number: int, *, swallowed: bool = False) -> Faulty:
    """The scripted run with one fault.

    Args:
        seed: of the script.
        mode: ``EIO`` or ``ENOSPC`` once, ``full`` from there on until space is made, or ``short``: a write
            takes half of what it was given and says so.
        number: of the operation, from 1.
        swallowed: for the control.
    """
    what = {EIO: errno.EIO, ENOSPC: errno.ENOSPC, HALF: SHORT}
    fault = FullFrom(number) if mode == FULL else once(number, what[mode])
    return run(seed, f"{mode} {number}", fault, swallowed=swallowed)


def operations(seed: str) -> list[str]:
    """What the script of a seed does to what, one operation after the other."""
    return run(seed, "none", None).operations


def faults_of(seed: str, done: Sequence[str]) -> list[tuple[str, str, int]]:
    """Every fault there can be in the script of a seed, as arguments of `with_fault`."""
    calls = [(seed, mode, number) for number in range(1, len(done) + 1) for mode in _MODES]
    writes = [number for number, place in enumerate(done, 1) if _takes_half(place)]
    return calls + [(seed, HALF, number) for number in writes]


def _takes_half(place: str) -> bool:
    return place.startswith("write ") and not place.endswith(_SQLITE)


def campaign(count: int, seed: int, runs: Runs) -> Report:
    """So many scripts, each with every fault there can be, and the control.

    Args:
        count: scripts.
        seed: of the first.
        runs: in how many processes, and how long.
    """
    seeds = [f"{seed}-{number}" for number in range(count)]
    done = {name: operations(name) for name in seeds}
    calls = [call for name in seeds for call in faults_of(name, done[name])]
    results = each(with_fault, calls, runs, Faulty)
    silent = control(seeds[0], len(done[seeds[0]]))
    disk = full_disk.in_a_small_tmpfs(f"{seed}")
    conditions = {
        "seed": seed,
        "operations of each script": {name: len(places) for name, places in done.items()},
        "faults planned": len(calls),
        "faults by kind": dict(Counter(result.fault.split()[0] for result in results)),
        "faults at": dict(Counter(place for result in results for place in result.failed[:1]).most_common()),
        "steps refused as full": sum(result.full for result in results),
        "steps refused as failed": sum(result.poisoned for result in results),
        "starts that failed with the fault and went well without": sum(r.starts_refused for r in results),
        "full disk": disk.how,
        "replay": [
            f"{r.seed} {r.fault}: {'; '.join(r.found.words)}" for r in results if r.found.total or r.broken
        ][:20],
    }
    return Report("campaign faults", conditions, [*_figures(results, len(calls), silent), *_full_disk(disk)])


def control(seed: str, length: int) -> int:
    """Findings when faults are not told; there must be some, or the campaign is blind."""
    lost = 0
    for number in range(length, 0, -2):
        lost += with_fault(seed, EIO, number, swallowed=True).found.total
        if lost:
            break
    return lost


def _figures(results: Sequence[Faulty], planned: int, silent: int) -> Iterable[Figure]:
    broken: Counter[str] = sum((result.broken for result in results), Counter())
    yield judged("faults_runs", len(results), "1", "higher", bar=planned)
    yield judged("faults_rows_lost", sum(result.found.lost for result in results), "1", "lower", bar=0)
    other = sum(result.found.total - result.found.lost for result in results)
    yield judged("faults_rows_doubled_or_unreadable", other, "1", "lower", bar=0)
    for promise in PROMISES:
        yield judged(f"faults_broken_{promise}", broken[promise], "1", "lower", bar=0)
    yield judged("faults_control_swallowed", silent, "1", "higher", bar=1)


def _full_disk(disk: FullDisk) -> Iterable[Figure]:
    yield judged("full_disk_cycles", disk.cycles, "1", "higher", bar=1)
    yield judged("full_disk_rows_lost", disk.lost, "1", "lower", bar=0)
    yield judged("full_disk_broken_promises", len(disk.broken), "1", "lower", bar=0)
