"""The Merkle tree of RFC 9162, section 2.1, with SHA-256: roots, proofs, and their verification.

The verifying parts follow the algorithms of sections 2.1.3.2 and 2.1.4.2 step by step.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def leaf_hash(entry: bytes) -> bytes:
    """``HASH(0x00 || entry)``."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """``HASH(0x01 || left || right)``: another first byte than a leaf's, so that no node passes as a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """MTH of leaf hashes; that of no leaves is the hash of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(len(leaves))
    return node_hash(root_of(leaves[:middle]), root_of(leaves[middle:]))


def inclusion_path(number: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH: what it takes to get from a leaf to the root, from below.

    Raises:
        IndexError: there is no leaf of that number.
    """
    if not 0 <= number < len(leaves):
        raise IndexError(f"there is no leaf {number} of {len(leaves)}")
    if len(leaves) == 1:
        return []
    middle = _split(len(leaves))
    if number < middle:
        return [*inclusion_path(number, leaves[:middle]), root_of(leaves[middle:])]
    return [*inclusion_path(number - middle, leaves[middle:]), root_of(leaves[:middle])]


def consistency_path(earlier: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF: that the tree of the first `earlier` leaves is the beginning of the tree of all.

    Raises:
        IndexError: the earlier tree has no leaf, or more than all.
    """
    if not 0 < earlier <= len(leaves):
        raise IndexError(f"no tree of {earlier} leaves lies in one of {len(leaves)}")
    return _subproof(earlier, leaves, whole=True)


def included(number: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path leads from a leaf to the root of a tree of that size."""
    if not 0 <= number < size:
        return False
    place, last, found = number, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistent(earlier: int, size: int, earlier_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path proves that the earlier tree is the beginning of the later one."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not path and earlier_root == root
    steps = [earlier_root, *path] if earlier & (earlier - 1) == 0 else list(path)
    if not steps:
        return False
    place, last = earlier - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    return last == 0 and before == earlier_root and after == root


def _subproof(earlier: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if earlier == len(leaves):
        return [] if whole else [root_of(leaves)]
    middle = _split(len(leaves))
    if earlier <= middle:
        return [*_subproof(earlier, leaves[:middle], whole=whole), root_of(leaves[middle:])]
    return [*_subproof(earlier - middle, leaves[middle:], whole=False), root_of(leaves[:middle])]


def _split(count: int) -> int:
    """The largest power of two below the count."""
    return 1 << (count - 1).bit_length() - 1
