"""The state machine of an alarm, after ISA-18.2 (IEC 62682): pure, without database or clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime


class AlarmState(StrEnum):
    """The states of ISA-18.2's diagram; the letters are its own."""

    NORMAL = "normal"  # A
    UNACKNOWLEDGED = "unacknowledged"  # B
    ACKNOWLEDGED = "acknowledged"  # C
    RETURNED = "returned"  # D: the condition is gone, nobody has acknowledged it
    SHELVED = "shelved"  # G
    SUPPRESSED = "suppressed"  # H: by design, by the plant's own logic
    OUT_OF_SERVICE = "out_of_service"  # I


ANNUNCIATED: Final = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED})
HIDDEN: Final = frozenset({AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE})


class Transition(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    RELEASED = "released"
    REMOVED = "removed_from_service"
    RETURNED = "returned_to_service"


class TransitionRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The alarm's state does not allow it.

    Attributes:
        transition: what was asked for.
        state: in which the alarm is.
    """

    def __init__(self, transition: Transition, state: AlarmState) -> None:
        super().__init__(f"an alarm that is {state} cannot be {transition}")
        self.transition = transition
        self.state = state


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an alarm stands.

    Attributes:
        active: the condition holds.
        acknowledged: somebody has seen the last occurrence, or nobody needs to.
        shelved_until: put aside until then.
        suppressed, out_of_service: the reason; empty where it is not.
    """

    active: bool = False
    acknowledged: bool = True
    shelved_until: datetime | None = None
    suppressed: str = ""
    out_of_service: str = ""

    def state(self, now: datetime) -> AlarmState:
        """The state shown at an instant; a shelf that has run out counts no more."""
        if self.out_of_service:
            return AlarmState.OUT_OF_SERVICE
        if self.suppressed:
            return AlarmState.SUPPRESSED
        if self.shelved_until is not None and self.shelved_until > now:
            return AlarmState.SHELVED
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED

    def reported(self, now: datetime, *, active: bool) -> tuple[Standing, Transition | None]:
        """The source says whether the condition holds; the same again changes nothing."""
        if active == self.active:
            return self, None
        if active:
            return replace(self, active=True, acknowledged=False), Transition.RAISED
        # What came and went while it was hidden was never shown, so there is nothing to acknowledge.
        seen = self.acknowledged or self.state(now) in HIDDEN
        return replace(self, active=False, acknowledged=seen), Transition.CLEARED

    def acknowledge(self, now: datetime) -> Standing:
        """A person, or the source's own panel, has seen it."""
        state = self.state(now)
        if state not in {AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED}:
            raise TransitionRefused(Transition.ACKNOWLEDGED, state)
        return replace(self, acknowledged=True)

    def shelve(self, until: datetime, now: datetime) -> Standing:
        """Put it aside for a while; shelving anew sets a new end."""
        state = self.state(now)
        if state in {AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}:
            raise TransitionRefused(Transition.SHELVED, state)
        return replace(self, shelved_until=until)

    def unshelve(self, now: datetime) -> Standing:
        """Take it back before its time."""
        state = self.state(now)
        if state is not AlarmState.SHELVED:
            raise TransitionRefused(Transition.UNSHELVED, state)
        return replace(self, shelved_until=None)

    def suppress(self, reason: str, now: datetime) -> Standing:
        """Hidden by design, as while a line stands still on purpose."""
        state = self.state(now)
        if state in {AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}:
            raise TransitionRefused(Transition.SUPPRESSED, state)
        return replace(self, suppressed=reason)

    def release(self, now: datetime) -> Standing:
        """No longer suppressed."""
        state = self.state(now)
        if state is not AlarmState.SUPPRESSED:
            raise TransitionRefused(Transition.RELEASED, state)
        return replace(self, suppressed="")

    def remove_from_service(self, reason: str, now: datetime) -> Standing:
        """Switched off for maintenance; stays so until somebody returns it."""
        state = self.state(now)
        if state is AlarmState.OUT_OF_SERVICE:
            raise TransitionRefused(Transition.REMOVED, state)
        return replace(self, out_of_service=reason)

    def return_to_service(self, now: datetime) -> Standing:
        """Watched again."""
        state = self.state(now)
        if state is not AlarmState.OUT_OF_SERVICE:
            raise TransitionRefused(Transition.RETURNED, state)
        return replace(self, out_of_service="")
