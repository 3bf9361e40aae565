"""OPC UA status codes as the store keeps them: 32 bits, the top two are the severity (OPC 10000-4, 7.39)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOOD = 0x00000000
BAD_NO_COMMUNICATION = 0x80310000

_SEVERITY_SHIFT = 30


class Severity(IntEnum):
    """The two top bits of a status code."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


def severity(status: int) -> Severity:
    """The severity of one status code; the reserved fourth value counts as bad."""
    return Severity(min(status >> _SEVERITY_SHIFT, Severity.BAD))


def is_good(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which codes of an array (shape ``(n,)``, ``uint32``) are good, whatever their detail bits say."""
    good: NDArray[np.bool_] = np.right_shift(status, np.uint32(_SEVERITY_SHIFT)) == Severity.GOOD
    return good
