"""What building a draft does, or would do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What happens to a thing.

    ``left`` is what somebody else has declared or named since: the source's word and a person's stand above
    the plan's.
    """

    NEW = "new"
    CHANGED = "changed"
    KEPT = "kept"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Planned:
    """One asset, signal or rule.

    Attributes:
        path: of the asset or signal; of a rule its signal's.
        name_en: of a rule, which tells it from others on the same signal.
        id: number, of what is there.
    """

    path: str
    change: Change
    id: int | None = None
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All of it."""

    assets: tuple[Planned, ...]
    signals: tuple[Planned, ...]
    rules: tuple[Planned, ...]

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything is there already."""
        done = {Change.KEPT, Change.LEFT}
        return all(one.change in done for one in (*self.assets, *self.signals, *self.rules))
