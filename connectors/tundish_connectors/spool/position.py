"""What the platform has: everything up to a number, and perhaps a stretch further on."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """Numbers that are safe at the platform.

    Attributes:
        delivered: everything up to this number.
        ahead_after, ahead: also everything behind the former up to the latter; equal where there is none.
    """

    delivered: int = 0
    ahead_after: int = 0
    ahead: int = 0

    def with_delivered(self, number: int) -> Position:
        """More from the old end; the stretch ahead is joined once it is reached."""
        delivered = max(self.delivered, number)
        if delivered >= self.ahead_after:
            return Position(max(delivered, self.ahead))
        return Position(delivered, self.ahead_after, self.ahead)

    def with_ahead(self, after: int, number: int) -> Position:
        """More of the stretch ahead, which begins behind ``after``."""
        if after <= self.delivered:
            return self.with_delivered(number)
        if self.ahead > self.ahead_after and after != self.ahead_after:
            raise ValueError("there is one stretch ahead at a time")
        return Position(self.delivered, after, max(number, self.ahead))

    def covers(self, first: int, last: int) -> bool:
        """Whether all numbers of a range are safe."""
        return last <= self.delivered or (first > self.ahead_after and last <= self.ahead)

    def within(self, newest: int) -> Position:
        """The part of it that a spool can have which ends at ``newest``."""
        return Position(min(self.delivered, newest), min(self.ahead_after, newest), min(self.ahead, newest))

    def to_text(self) -> str:
        """As it is kept in a file."""
        return json.dumps({"delivered": self.delivered, "ahead": [self.ahead_after, self.ahead]})

    @classmethod
    def from_text(cls, text: str) -> Position:
        """Of a file; anything that does not fit counts as nothing delivered, so all is sent again."""
        try:
            kept = json.loads(text)
            after, ahead = (int(number) for number in kept.get("ahead", (0, 0)))
            return cls(int(kept["delivered"]), after, max(after, ahead))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()
