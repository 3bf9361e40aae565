"""Where enterprises lie: county, industry and park, as the register has them now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import func, select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.tables import RegisterEntryRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from tundish_platform.programme.series.targets import Scope


@dataclass(frozen=True, slots=True)
class Places:
    """Where each enterprise of the stages lies, in their order; ``""`` where it lies in no park."""

    region: Sequence[str]
    industry: Sequence[str]
    park: Sequence[str]

    def within(self, scope: Scope) -> NDArray[np.bool_]:
        """Which enterprises a scope holds; a division of the industries holds all its classes."""
        held = np.ones(len(self.region), np.bool_)
        if scope.region:
            held &= np.asarray(self.region, dtype=str) == scope.region
        if scope.industry:
            held &= np.char.startswith(np.asarray(self.industry, dtype=str), scope.industry)
        if scope.park:
            held &= np.asarray(self.park, dtype=str) == scope.park
        return held


@dataclass(frozen=True, slots=True)
class Standing:
    """The register: who stands for an enterprise, and where.

    Attributes:
        at: by number of an enterprise that stands for itself, its county, industry and park.
        into: by number of an entry that was merged away, the one that stands for it.
    """

    at: dict[int, tuple[str, str, str]]
    into: dict[int, int]

    def places(self, numbers: Sequence[int]) -> Places:
        """Where enterprises lie, by number; one that has left the register lies nowhere."""
        found = [self.at.get(number, ("", "", "")) for number in numbers]
        return Places([r for r, _, _ in found], [i for _, i, _ in found], [p for _, _, p in found])


def standing(session: Session) -> Standing:
    """The register as it stands now."""
    park = func.coalesce(RegisterEntryRow.park, "")
    query = select(
        Enterprise.id, Enterprise.merged_into, Enterprise.region, Enterprise.industry, park
    ).outerjoin(RegisterEntryRow, RegisterEntryRow.enterprise_id == Enterprise.id)
    at, into = {}, {}
    for number, merged, region, industry, lies in session.execute(query):
        if merged is None:
            at[number] = (region, industry, lies)
        else:
            into[number] = merged
    return Standing(at, into)
