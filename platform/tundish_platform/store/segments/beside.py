"""What is known of a segment's rollups: from the file beside it, or made again from its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tundish_platform.store.segments import rollups
from tundish_platform.store.segments.handles import SegmentDamaged
from tundish_platform.store.segments.rollupfile import decoded

if TYPE_CHECKING:
    import pyarrow as pa

    from tundish_platform.store.segments.handles import Opened
    from tundish_platform.store.segments.rollupfile import Level


class Known(NamedTuple):
    """What the pool keeps of a segment's rollups.

    Attributes:
        levels: by width in µs.
        made: the whole content, where there is no sound file.
    """

    levels: dict[int, Level]
    made: Memory | None


class Memory:
    """A `Content` that is in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    def fill(self, target: memoryview, offset: int) -> None:
        """Bytes from there, as many as there is room for."""
        target[:] = self._content[offset : offset + target.nbytes]


def read(file: Opened) -> tuple[Known, int]:
    """The levels of an open rollup file, all of it checked once, and their size in memory.

    Raises:
        SegmentDamaged: it is not what was written.
    """
    try:
        levels = decoded(file.read(file.identity.size, 0))
    except (ValueError, KeyError, TypeError) as error:
        raise SegmentDamaged(file.path, str(error)) from error
    return Known(levels, None), sum(level.size for level in levels.values())


def made(rows: pa.Table) -> tuple[Known, int]:
    """Rollups of a segment's rows, and their size in memory."""
    content = rollups.content(rows)
    levels = decoded(content)
    return Known(levels, Memory(content)), len(content) + sum(level.size for level in levels.values())
