"""Counts rounded to a multiple of five by a secret coin that is the same for the same count of the same cell.

Random rounding (Fellegi 1975) with a keyed coin in place of a random one, after the cell-key method of the
Australian Bureau of Statistics: repeating a publication says nothing new, so that averages lead nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE: Final = 5
_COIN: Final = 1 << 64


def rounded(count: int, secret: bytes, measure: str, cell: Sequence[str], base: int = BASE) -> int:
    """A neighbouring multiple of the base, the nearer the likelier, right on the average.

    Args:
        count: the true one.
        secret: the platform's, see `HeadSigner.rounding`.
        measure: what is counted.
        cell: where.
        base: what is rounded to.
    """
    below, over = divmod(count, base)
    text = "\x1f".join((measure, *cell, str(count))).encode()
    coin = int.from_bytes(hmac.digest(secret, text, hashlib.sha256)[:8]) / _COIN
    return base * (below + (coin < over / base))


def could_be(value: int, base: int = BASE) -> tuple[int, int]:
    """The least and greatest count that such a value may stand for."""
    return max(0, value - base + 1), value + base - 1
