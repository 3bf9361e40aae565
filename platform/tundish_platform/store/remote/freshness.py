"""How fresh the answers of a process without the buffer are."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_WATCHING: ContextVar[tuple[Freshness, ...]] = ContextVar("tundish_freshness", default=())


@dataclass(slots=True)
class Freshness:
    """What the answers of one thread stand on since `watched` began.

    Attributes:
        fresh_to: whatever was acknowledged before this instant of the writer's clock is in all of them. Where
            `buffered` is false: the newest arrival in segments. None where there is none, or no answer yet.
        buffered: the writer took part in all; otherwise samples that lie in no segment yet are missing.
    """

    fresh_to: datetime | None = None
    buffered: bool = True
    _asked: bool = False

    def note(self, instant: datetime | None, *, buffered: bool) -> None:
        """Take another answer into account; the oldest counts."""
        if not self._asked or instant is None:
            self.fresh_to = instant
        elif self.fresh_to is not None:
            self.fresh_to = min(self.fresh_to, instant)
        self.buffered &= buffered
        self._asked = True


@contextmanager
def watched() -> Iterator[Freshness]:
    """Watch the answers that this thread gets inside."""
    seen = Freshness()
    token = _WATCHING.set((*_WATCHING.get(), seen))
    try:
        yield seen
    finally:
        _WATCHING.reset(token)


def note(instant: datetime | None, *, buffered: bool) -> None:
    """Tell whoever watches in this thread."""
    for seen in _WATCHING.get():
        seen.note(instant, buffered=buffered)
