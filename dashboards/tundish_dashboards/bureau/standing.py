"""Counties beside each other: share in a stage, completion of their target, and their place, where told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Told = dict[str, Any]
# Places are told with the best and the worst of so many months: a place that swings says little.
PLACES_OVER: Final = 12
SHADES: Final = 5


@dataclass(frozen=True, slots=True)
class County:
    """A county at the end of the newest month; without figures where it is withheld.

    Attributes:
        count: enterprises in the stage or above it, of `enterprises`.
        share: the one of the other.
        completion: of its own target of the stage; None without one.
        place: by share, 1 the highest, equal shares one place; `best` and `worst` of the last months.
    """

    key: str
    enterprises: int | None = None
    count: int | None = None
    share: float | None = None
    completion: float | None = None
    place: int | None = None
    best: int | None = None
    worst: int | None = None


def counties(found: Told, targets: Sequence[Told], stage: str) -> list[County]:
    """All counties, the highest share first and the withheld ones last.

    Args:
        found: the series, as the API tells it.
        targets: in force, with their progress.
        stage: key of a stage.
    """
    cells = {one["key"]: one["figures"] for one in found["by_region"]}
    shares = {key: _shares(figures, stage) for key, figures in cells.items() if figures is not None}
    places = {key: _places(shares, key) for key in shares}
    met = {
        one["region"]: one["progress"]["completion"]
        for one in targets
        if one["stage"] == stage and one["region"] and not one["industry"] and not one["park"]
        and one["progress"] and one["kind"] == "current"
        and found["months"] and one["year"] == int(found["months"][-1][:4])
    }  # fmt: skip
    made = [_county(key, figures, stage, places.get(key), met.get(key)) for key, figures in cells.items()]
    return sorted(made, key=lambda one: (one.share is None, -(one.share or 0.0), one.key))


def shades(met: Sequence[County]) -> dict[str, int]:
    """By county 0 to 4, relative to the highest share: the eye compares the counties with each other."""
    top = max((one.share for one in met if one.share is not None), default=0.0)
    return {
        one.key: min(int(one.share / top * SHADES), SHADES - 1) if top else 0
        for one in met
        if one.share is not None
    }


def _shares(figures: Told, stage: str) -> list[float | None]:
    counts, sizes = figures["current"][stage], figures["enterprises"]
    return [None if n is None or not size else n / size for n, size in zip(counts, sizes, strict=True)]


def _places(shares: Mapping[str, Sequence[float | None]], key: str) -> list[int | None]:
    """A county's place in each of the last months; None where it or its share is withheld."""
    found: list[int | None] = []
    for month, own in list(enumerate(shares[key]))[-PLACES_OVER:]:
        others = [of[month] for of in shares.values()]
        found.append(None if own is None else 1 + sum(share is not None and share > own for share in others))
    return found


def _county(
    key: str, figures: Told | None, stage: str, places: Sequence[int | None] | None, completion: float | None
) -> County:
    if figures is None or figures["enterprises"][-1] is None:
        return County(key)
    known = [place for place in places or () if place is not None]
    size, count = figures["enterprises"][-1], figures["current"][stage][-1]
    return County(
        key, size, count, count / size if size else None, completion,
        known[-1] if known else None, min(known, default=None), max(known, default=None),
    )  # fmt: skip
