"""How a version of a model may stand, and which decision leads from where to where. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """How a version stands.

    A ``champion`` speaks for its line; one in ``shadow`` computes beside it and is compared, unseen by the
    shift.
    """

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    CHAMPION = "champion"
    RETIRED = "retired"
    REJECTED = "rejected"


class Decision(StrEnum):
    """What a person may decide about a version."""

    APPROVE = "approve"
    SHADOW = "shadow"
    PROMOTE = "promote"
    REJECT = "reject"
    RETIRE = "retire"
    ROLL_BACK = "roll-back"


class Step(StrEnum):
    """What stands in a version's history: the decisions, and what happened to it by those about others.

    ``replaced`` is the champion whose place a promoted version took, ``restored`` the one to which a
    roll-back returned.
    """

    REGISTERED = "registered"
    APPROVE = "approve"
    SHADOW = "shadow"
    PROMOTE = "promote"
    REJECT = "reject"
    RETIRE = "retire"
    ROLL_BACK = "roll-back"
    REPLACED = "replaced"
    RESTORED = "restored"


TRANSITIONS: Final[Mapping[tuple[State, Decision], State]] = {
    (State.CANDIDATE, Decision.APPROVE): State.CANDIDATE,
    (State.SHADOW, Decision.APPROVE): State.SHADOW,
    (State.CHAMPION, Decision.APPROVE): State.CHAMPION,
    (State.CANDIDATE, Decision.SHADOW): State.SHADOW,
    (State.RETIRED, Decision.SHADOW): State.SHADOW,
    (State.CANDIDATE, Decision.PROMOTE): State.CHAMPION,
    (State.SHADOW, Decision.PROMOTE): State.CHAMPION,
    (State.CANDIDATE, Decision.REJECT): State.REJECTED,
    (State.SHADOW, Decision.REJECT): State.REJECTED,
    (State.CANDIDATE, Decision.RETIRE): State.RETIRED,
    (State.SHADOW, Decision.RETIRE): State.RETIRED,
    (State.CHAMPION, Decision.RETIRE): State.RETIRED,
    (State.CHAMPION, Decision.ROLL_BACK): State.RETIRED,
}
STATE_WORDS: Final[Mapping[State, tuple[str, str]]] = {
    State.CANDIDATE: ("候选", "a candidate"),
    State.SHADOW: ("影子运行", "in shadow"),
    State.CHAMPION: ("主用", "the champion"),
    State.RETIRED: ("已退役", "retired"),
    State.REJECTED: ("已否决", "rejected"),
}
_DECISION_WORDS: Final[Mapping[Decision, tuple[str, str]]] = {
    Decision.APPROVE: ("批准", "approve"),
    Decision.SHADOW: ("转入影子运行", "put in shadow"),
    Decision.PROMOTE: ("升为主用", "promote"),
    Decision.REJECT: ("否决", "reject"),
    Decision.RETIRE: ("退役", "retire"),
    Decision.ROLL_BACK: ("回退", "roll back"),
}


class DecisionRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The version does not stand so that this can be decided.

    Attributes:
        message_zh, message_en: why, and what can be decided instead.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


def possible(state: State, *, approved: bool, before: State | None) -> list[Decision]:
    """What can be decided now.

    Args:
        state: of the version.
        approved: whether a person approved it already.
        before: state of the champion whose place it took; None where there was none.
    """
    left = set()
    if approved:
        left.add(Decision.APPROVE)
    if before is not State.RETIRED:
        left.add(Decision.ROLL_BACK)
    return [one for one in Decision if (state, one) in TRANSITIONS and one not in left]


def decided(state: State, decision: Decision, *, approved: bool, before: State | None) -> State:
    """The state after a decision; arguments as in `possible`.

    Raises:
        DecisionRefused: it is not possible.
    """
    open_ = possible(state, approved=approved, before=before)
    if decision in open_:
        return TRANSITIONS[state, decision]
    zh, en = _why_not(state, decision, approved=approved, before=before)
    next_zh = "、".join(_DECISION_WORDS[one][0] for one in open_) or "无"
    next_en = ", ".join(_DECISION_WORDS[one][1] for one in open_) or "nothing"
    raise DecisionRefused(f"{zh}当前可执行: {next_zh}。", f"{en} Possible now: {next_en}.")


def _why_not(state: State, decision: Decision, *, approved: bool, before: State | None) -> tuple[str, str]:
    if (state, decision) not in TRANSITIONS:
        (state_zh, state_en), (zh, en) = STATE_WORDS[state], _DECISION_WORDS[decision]
        return f"该版本{state_zh}, 不能{zh}。", f"This version is {state_en}; you cannot {en} it."
    if decision is Decision.APPROVE and approved:
        return "该版本已获批准。", "This version is approved already."
    if before is None:
        return "该版本之前没有主用版本, 无法回退。", "There was no champion before this version to return to."
    zh, en = STATE_WORDS[before]
    return f"之前的主用版本现为{zh}, 无法回退。", f"The champion before it is {en} now and cannot return."
