"""Where the writer's time goes: one thread does all the work under the profiler, told apart by module."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tundish_deploy.benchmarks.store.engine import MILLION
from tundish_deploy.benchmarks.store.ours import Ours
from tundish_deploy.benchmarks.store.workload import BLOCK_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_deploy.benchmarks.store.workload import Rows, Workload

Place = tuple[str, int, str]

_OURS: Final = "tundish_"
_SHOWN: Final = 25


def profiled(folder: Path, rows: Rows, workload: Workload, total: int) -> dict[str, Any]:
    """Ingest so many rows and seal, in one thread; seconds a million rows by module and by call.

    The profiler itself costs up to a tenth; shares are what counts.
    """
    ours = Ours(folder, workload, background=False)
    profile = cProfile.Profile()
    try:
        batches = list(rows.batches(BLOCK_ROWS, 0, total))
        profile.enable()
        for batch in batches:
            ours.write(batch)
        ours.settle()
        profile.disable()
    finally:
        ours.close()
    stats: dict[Place, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # not in its stub
    shares = by_module(stats)
    whole = sum(shares.values())
    million = total / MILLION
    own = {place: of[2] for place, of in stats.items()}
    return {
        "rows": total,
        "seconds_per_million": whole / million,
        "modules": {
            name: {"share": spent / whole, "s_per_million": spent / million}
            for name, spent in sorted(shares.items(), key=lambda item: -item[1])
        },
        "calls": [
            {"call": _named(place), "share": own[place] / whole, "s_per_million": own[place] / million}
            for place in sorted(own, key=lambda place: -own[place])[:_SHOWN]
        ],
    }


def by_module(stats: Mapping[Place, Any]) -> dict[str, float]:
    """Each call's own seconds, told to the module of ours on whose behalf it ran.

    Args:
        stats: ``(calls, primitive calls, own s, s with what it calls, {caller: the same four})`` by place.
    """
    shares: dict[str, float] = defaultdict(float)
    known: dict[Place, dict[str, float]] = {}
    for place, of in stats.items():
        for module, part in _askers(place, stats, known).items():
            shares[module] += part * of[2]
    return dict(shares)


def _askers(
    place: Place, stats: Mapping[Place, Any], known: dict[Place, dict[str, float]]
) -> dict[str, float]:
    """Which modules of ours a call works for, as parts of 1."""
    if place in known:
        return known[place]
    module, callers = _module(place), stats[place][4]
    # A call that is asked for by itself, over others, adds nothing new on the way round.
    known[place] = {}
    if module is not None or not callers:
        known[place] = {module or "outside": 1.0}
        return known[place]
    found: dict[str, float] = defaultdict(float)
    for caller, of in callers.items():
        for name, part in _askers(caller, stats, known).items():
            found[name] += part * of[3]
    whole = sum(found.values())
    known[place] = {name: part / whole for name, part in found.items()} if whole else {"outside": 1.0}
    return known[place]


def _module(place: Place) -> str | None:
    """Dotted name behind ``tundish_…``, if the code is ours."""
    parts = Path(place[0]).with_suffix("").parts
    at = next((number for number, part in enumerate(parts) if part.startswith(_OURS)), None)
    return None if at is None else ".".join(parts[at + 1 :])


def _named(place: Place) -> str:
    file, _, name = place
    return name if file.startswith(("~", "<")) else f"{Path(file).name}: {name}"
