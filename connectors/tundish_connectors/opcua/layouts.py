"""Fixed layouts of items in a data-change notification (OPC 10000-6, 5.2.2.17: DataValue)."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HAS_VALUE = 0x01
_SCALARS = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q"}
_NUMPY = {
    "?": "?",
    "b": "i1",
    "B": "u1",
    "h": "<i2",
    "H": "<u2",
    "i": "<i4",
    "I": "<u4",
    "q": "<i8",
    "Q": "<u8",
    "f": "<f4",
    "d": "<f8",
}
# In the order of the wire, which is not the order of the mask bits.
_TAIL = (
    (0x02, "status", "I"),
    (0x04, "source", "q"),
    (0x10, "source_pico", "H"),
    (0x08, "server", "q"),
    (0x20, "server_pico", "H"),
)


class Layout:
    """An item of fixed size: client handle, mask, and by the mask value, status and times.

    Attributes:
        size: bytes of an item.
        variant: built-in type of the value, or None where the mask says that there is none.
    """

    def __init__(self, mask: int, variant: int | None, *, head: bool = True) -> None:
        fields = [("handle", "I"), ("mask", "B")] if head else []
        if variant is not None:
            fields += [("type", "B"), ("value", _SCALARS[variant])]
        fields += [(name, code) for bit, name, code in _TAIL if mask & bit]
        self.variant = variant
        self.size = struct.calcsize("<" + "".join(code for _, code in fields))
        self._dtype = np.dtype([(name, _NUMPY[code]) for name, code in fields])
        self._bytes = np.dtype((np.void, self.size)) if self.size else None

    def records(self, data: bytes, offsets: NDArray[np.int64]) -> NDArray[Any]:
        """Items at byte offsets, shape ``(n,)``, as a structured array of their own.

        Raises:
            IndexError: an item reaches behind the end.
        """
        if self._bytes is None:
            return np.zeros(len(offsets), self._dtype)
        # One overlapping window per byte, so that taking items is a single copy.
        windows = np.ndarray((max(0, len(data) - self.size + 1),), self._bytes, data, 0, (1,))
        taken: NDArray[Any] = windows[offsets]
        return taken.view(self._dtype)

    def has(self, name: str) -> bool:
        """Whether items carry this field."""
        return name in (self._dtype.names or ())


@lru_cache(maxsize=4096)
def layout(mask: int, variant: int) -> Layout | None:
    """The layout of items with this mask and type byte; None where their size differs from item to item."""
    if not mask & HAS_VALUE:
        return Layout(mask, None)
    return Layout(mask, variant) if variant in _SCALARS else None


@lru_cache(maxsize=256)
def tail(mask: int) -> Layout:
    """What follows the value of an item of any size."""
    return Layout(mask, None, head=False)


def element(variant: int) -> np.dtype[Any] | None:
    """How elements of an array of this built-in type lie in memory; None where that is not fixed."""
    code = _SCALARS.get(variant)
    return np.dtype(_NUMPY[code]) if code is not None else None
