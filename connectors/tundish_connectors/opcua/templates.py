"""Shapes of notifications that come again: the same items in the same order, whatever the values are.

A template knows the mask and type byte of each item. Where a message has the same, all its items of
fixed size are found at once; only the others, strings above all, have to be read one after the other.
Every byte that a template relies on is compared each time, so a wrong guess costs time and never a
value.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Read = Callable[[bytes, int], tuple[Any, int]]

_KEY = struct.Struct("<H").unpack_from
KEY_AT: Final = 4
_HEAD_SIZE: Final = 5
_MOST: Final = 256
_FAILURES: Final = 3
# Below it a walk is quicker than setting out arrays.
LEAST_ITEMS: Final = 64

Loose = tuple[int, int, Any, int]
"""An item of no fixed size: key, where it begins, its value, where what follows the value begins."""


class Template:
    """The shape of one message.

    Args:
        keys: mask and type byte of each item, as a number.
        sizes: bytes of each item; 0 where they differ.
        tails: bytes behind the value, for items of size 0.
    """

    def __init__(self, keys: Sequence[int], sizes: Sequence[int], tails: Sequence[int]) -> None:
        every, size = np.array(keys, np.uint16), np.array(sizes, np.int64)
        fixed = size > 0
        self._begins = np.cumsum(size) - size
        self._size = int(size.sum())
        numbers = np.flatnonzero(~fixed).tolist()
        self._loose = [(keys[n], int(self._begins[n]), tails[n]) for n in numbers]
        self._before = np.cumsum(~fixed)[fixed]
        self._fixed = self._begins[fixed]
        self._keys = every[fixed]
        self._members = [(int(key), np.flatnonzero(self._keys == key)) for key in np.unique(self._keys)]

    def match(
        self, data: bytes, position: int, end: int, read: Read
    ) -> tuple[list[tuple[int, NDArray[np.int64]]], list[Loose]] | None:
        """Where the items of a message begin, or None if it has another shape.

        Args:
            data: all bytes.
            position: of the first item.
            end: of the message.
            read: reads a value; returns it and where it ends.

        Returns:
            Begins of the items of fixed size by key, and the others in order.
        """
        loose: list[Loose] = []
        shifts = [position]
        shift = position
        for key, begin, tail in self._loose:
            at = begin + shift
            if at + _HEAD_SIZE >= end or _KEY(data, at + KEY_AT)[0] != key:
                return None
            value, after = read(data, at + _HEAD_SIZE)
            loose.append((key, at, value, after))
            shift += after + tail - at
            shifts.append(shift)
        if self._size + shift > end:
            return None
        begins = self._fixed + np.array(shifts)[self._before]
        found = np.ndarray((len(data) - 1,), "<u2", data, 0, (1,))[begins + KEY_AT]
        if not np.array_equal(found, self._keys):
            return None
        return [(key, begins[members]) for key, members in self._members], loose


class Templates:
    """The shapes that were seen of late, by number of items and first handle."""

    def __init__(self) -> None:
        self._known: dict[bytes, Template] = {}
        self._failures: dict[bytes, int] = {}

    def known(self, begin: bytes) -> Template | None:
        """The shape of messages that begin so."""
        return self._known.get(begin)

    def wanted(self, begin: bytes) -> bool:
        """Whether it is worth to learn the shape: not where it changes from message to message."""
        return self._failures.get(begin, 0) < _FAILURES

    def learn(self, begin: bytes, template: Template) -> None:
        """Keep a shape."""
        if len(self._known) >= _MOST:
            self._known.clear()
            self._failures.clear()
        self._known[begin] = template

    def failed(self, begin: bytes) -> None:
        """The shape was another one this time."""
        self._known.pop(begin, None)
        self._failures[begin] = self._failures.get(begin, 0) + 1

    def held(self, begin: bytes) -> None:
        """The shape was the same again."""
        self._failures.pop(begin, None)
