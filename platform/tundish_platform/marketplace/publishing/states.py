"""The life of a version as a table: from which state which act leads where."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """How far a version has come."""

    UPLOADED = "uploaded"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What moves a version on: the checks, the operator's decision, or taking it back."""

    PASS = "pass"  # noqa: S105 - the checks were passed; nobody's password
    FAIL = "fail"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


LIFE: Final[Mapping[tuple[State, Act], State]] = MappingProxyType(
    {
        (State.UPLOADED, Act.PASS): State.IN_REVIEW,
        (State.UPLOADED, Act.FAIL): State.REJECTED,
        (State.UPLOADED, Act.WITHDRAW): State.WITHDRAWN,
        (State.IN_REVIEW, Act.APPROVE): State.APPROVED,
        (State.IN_REVIEW, Act.REJECT): State.REJECTED,
        (State.IN_REVIEW, Act.WITHDRAW): State.WITHDRAWN,
        (State.APPROVED, Act.WITHDRAW): State.WITHDRAWN,
    }
)
"""Whatever is not here is refused: nothing leads out of rejected and withdrawn."""


def from_states(act: Act) -> frozenset[State]:
    """The states in which an act is allowed."""
    return frozenset(state for state, one in LIFE if one is act)
