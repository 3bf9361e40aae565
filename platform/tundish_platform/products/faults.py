"""What is wrong with which rows of a body. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one row of a body.

    Attributes:
        row: from 0.
        column: in which the fault lies.
        en: what is wrong.
        zh: the same in Chinese.
    """

    row: int
    column: str
    en: str
    zh: str


class RowsRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """Some rows cannot be taken, so none was; ``faults`` names them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults, first {faults[0]}")
        self.faults = tuple(faults)
