"""How an upgrade may stand, and what a shadow run makes of it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tundish_platform.marketplace.outcomes import OWN_FAULTS, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection

    from tundish_platform.marketplace.upgrades.comparing import Shadow

MAX_TRIES: Final = 5
"""So many shadow runs that tell nothing end an upgrade."""

FAILURES: Final = 3
"""So many failed runs in a row after the switch bring the former version back; less than stop an app."""


class Follow(StrEnum):
    """Which newer versions a subscription takes without being asked."""

    NONE = "none"
    PATCHES = "patches"


class State(StrEnum):
    """How an upgrade stands."""

    TRYING = "trying"
    DIFFERS = "differs"
    TAKEN = "taken"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    RETURNED = "returned"


OPEN: Final = frozenset({State.TRYING, State.DIFFERS})


class Reason(StrEnum):
    """Why an upgrade ended, or was taken without a shadow run."""

    PERSON = "person"
    SHADOW = "shadow"
    UNDECIDED = "undecided"
    FAILING = "failing"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    """What a shadow run says of the new version."""

    GOOD = "good"
    DIFFERS = "differs"
    BAD = "bad"
    UNDECIDED = "undecided"


def verdict(shadow: Shadow, unread: Collection[str]) -> Verdict:
    """What becomes of an upgrade after its shadow run.

    Args:
        shadow: both runs over the same data.
        unread: kinds of records that the new version asks for anew: they are granted behind the switch, so
            that it misses them until then.
    """
    new, current = shadow.new, shadow.current
    if new.outcome in OWN_FAULTS:
        return Verdict.BAD
    lacking = set(new.missing) - set(unread)
    if current is not None and current.outcome is Outcome.OK and lacking:
        return Verdict.BAD
    if new.outcome is Outcome.UNREACHED or not new.rows or lacking:
        return Verdict.UNDECIDED
    return Verdict.DIFFERS if shadow.differing else Verdict.GOOD
