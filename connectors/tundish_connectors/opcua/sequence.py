"""Sequence numbers of notification messages (OPC 10000-4, 7.26): 1 … 2^32 - 1, then 1 again."""

from __future__ import annotations

_LARGEST = 2**32 - 1
_MOST_REPEATED = 1000


class SequenceWatch:
    """Tells which messages of one subscription are missing.

    A keep-alive carries the number the next message will have and does not count up; some servers repeat the
    last number instead, which is borne.

    Attributes:
        expected: the number the next message should have.
    """

    def __init__(self) -> None:
        self.expected = 1

    def missing(self, number: int, *, keep_alive: bool) -> list[int] | None:
        """What lies between the last message and this one; None for a message that was seen already.

        The list is cut to its newest thousand: no server keeps more for repetition.
        """
        ahead = self.distance(number)
        if ahead > _LARGEST // 2:
            return [] if keep_alive else None
        numbers = [self._nth(at) for at in range(max(0, ahead - _MOST_REPEATED), ahead)]
        if keep_alive:
            self.expected = number
        else:
            self.expected = number % _LARGEST + 1
        return numbers

    def distance(self, number: int) -> int:
        """How far a number is ahead of the expected one, modulo the roll-over."""
        return (number - self.expected) % _LARGEST

    def _nth(self, ahead: int) -> int:
        return (self.expected - 1 + ahead) % _LARGEST + 1
