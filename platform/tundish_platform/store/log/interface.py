"""What the store asks of its log, whichever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_platform.store.log.records import LogRecord


class StoreFailed(Exception):  # noqa: N818 - the store's state, not a kind of mistake
    """A write or sync failed. Nothing is acknowledged any more until the store was opened again."""


class StoreFull(StoreFailed):
    """No space is left. Reads go on; writers keep their batches and try again later."""


class Log(Protocol):
    """Where acknowledged batches are safe until they lie in segments.

    Attributes:
        problems: what was found damaged, in words.
    """

    problems: list[str]

    @property
    def next_sequence(self) -> int:
        """The sequence that the next record gets."""
        ...

    @property
    def failed(self) -> StoreFailed | None:
        """Why nothing is taken any more, or None."""
        ...

    @property
    def nbytes(self) -> int:
        """Size of what is kept."""
        ...

    def append(
        self, tenant: int, payloads: Sequence[bytes], taken: Callable[[Sequence[int]], None] | None = None
    ) -> Sequence[int]:
        """Make batches durable; returns their sequence numbers. Safe to call from several threads.

        Args:
            tenant: row number of the tenant.
            payloads: encoded batches.
            taken: called with the numbers once they are durable, before any later record's and before
                this returns; so the order in memory is the order in the log.

        Raises:
            StoreFull: no space is left.
            StoreFailed: it cannot be said that they are durable.
        """
        ...

    def deliver(self, receiver: Callable[[LogRecord], None]) -> None:
        """Hand over what other processes append, from behind what `replay` gave, as it comes.

        Called once at most. Records come one by one, in the order of the log, own appends with `taken` in
        their places among them; from then on `next_sequence` tells how far they were handed over.

        Args:
            receiver: of each record that no append with `taken` of this process brought.
        """
        ...

    def replay(self) -> Iterator[LogRecord]:
        """All records that are still kept, in order."""
        ...

    def release(self, before: int) -> None:
        """Records with a lower sequence are not needed any more."""
        ...

    def close(self) -> None:
        """Give all files back."""
        ...
