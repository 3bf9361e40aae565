"""Which cells of a table may be told so that neither they nor their differences tell of few tenants. Pure.

A table has a total, cells by version and cells by industry, and they overlap: a tenant runs several versions.
Whoever adds and subtracts what is told reaches exactly this: mark each version and each industry as left or
right, with one mark for all versions that are not told and one for all such industries. The units whose
version and industry are marked differently remain, all others cancel. So a table is safe when every marking
leaves nothing, or enough tenants of whom none outweighs the rest. Complementary suppression is the marking
with "all untold versions" on one side and everything else on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

LEAST_TENANTS: Final = 5
"""So many tenants contribute to whatever is told."""

MOST_SHARE: Final = 0.5
"""No tenant has more of what is told than this: the others, who know their own, could reckon its figure."""

# Each doubles the number of markings; versions and industries beyond count as untold.
_VERSIONS: Final = 3
_INDUSTRIES: Final = 7


@dataclass(frozen=True, slots=True)
class Unit:
    """What one tenant adds to a table with one version.

    Attributes:
        industry: a division of GB/T 4754.
        weight: how much, above 0: cases, or an amount.
    """

    tenant: int
    version: str
    industry: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """The cells that may be told; without the total there are none."""

    total: bool = False
    versions: frozenset[str] = frozenset()
    industries: frozenset[str] = frozenset()


def tellable(units: Sequence[Unit], versions: Iterable[str] | None = None) -> Told:
    """The cells that may be told together: industries first, the largest first, then the newest versions.

    Args:
        units: at most one for each tenant, version and industry.
        versions: those that may have cells, the newest first; without them all that there are.
    """
    ranked = _ranked(units)
    newest = list(versions) if versions is not None else sorted({unit.version for unit in units})
    told = Told(total=True)
    if not safe(units, told):
        return Told()
    for industry in ranked[:_INDUSTRIES]:
        wider = Told(total=True, versions=told.versions, industries=told.industries | {industry})
        told = wider if safe(units, wider) else told
    for version in newest[:_VERSIONS]:
        wider = Told(total=True, versions=told.versions | {version}, industries=told.industries)
        told = wider if safe(units, wider) else told
    return told


def safe(units: Sequence[Unit], told: Told) -> bool:
    """Whether nothing that can be reckoned from the told cells is about few tenants, or mostly about one."""
    if not units:
        return False
    ordered = sorted(units, key=lambda unit: unit.tenant)
    versions = {name: place for place, name in enumerate(sorted(told.versions), start=1)}
    first = len(versions) + 1
    industries = {name: place for place, name in enumerate(sorted(told.industries), start=first + 1)}
    of_version = np.array([versions.get(unit.version, 0) for unit in ordered])
    of_industry = np.array([industries.get(unit.industry, first) for unit in ordered])
    marks = _marks(first + 1 + len(industries))
    remains = marks[:, of_version] != marks[:, of_industry]
    return bool(_enough(remains, ordered).all())


def _enough(remains: NDArray[np.bool_], units: Sequence[Unit]) -> NDArray[np.bool_]:
    """For each marking whether what remains is nothing, or of enough tenants without an outweighing one."""
    tenants = np.array([unit.tenant for unit in units])
    begins = np.flatnonzero(np.diff(tenants, prepend=tenants[0] - 1))
    weights = np.array([unit.weight for unit in units])
    each = np.add.reduceat(remains * weights, begins, axis=1)
    there = np.logical_or.reduceat(remains, begins, axis=1).sum(axis=1)
    outweighs = each.max(axis=1) > MOST_SHARE * each.sum(axis=1)
    enough: NDArray[np.bool_] = (there == 0) | ((there >= LEAST_TENANTS) & ~outweighs)
    return enough


def _marks(nodes: int) -> NDArray[np.bool_]:
    """All ways to mark; the last node is always left, since turning all marks round reaches the same."""
    count = np.arange(2 ** (nodes - 1))
    marks: NDArray[np.bool_] = (count[:, None] >> np.arange(nodes)[None, :]) % 2 == 1
    return marks


def _ranked(units: Sequence[Unit]) -> list[str]:
    sizes: dict[str, set[int]] = {}
    for unit in units:
        sizes.setdefault(unit.industry, set()).add(unit.tenant)
    return sorted((name for name in sizes if name), key=lambda name: (-len(sizes[name]), name))
