"""Which decision leads from where to where, as a table; everything else is refused in both languages."""

from __future__ import annotations

import pytest

from tundish_platform.model_registry.states import Decision, DecisionRefused, State, decided, possible

# From each state the decisions a, s, p, x (reject), r, b (roll back) that are open and where they lead.
TABLE = {
    State.CANDIDATE: {"approve": "candidate", "shadow": "shadow", "promote": "champion", "reject": "rejected",
                      "retire": "retired"},
    State.SHADOW: {"approve": "shadow", "promote": "champion", "reject": "rejected", "retire": "retired"},
    State.CHAMPION: {"approve": "champion", "retire": "retired", "roll-back": "retired"},
    State.RETIRED: {"shadow": "shadow"},
    State.REJECTED: {},
}  # fmt: skip


@pytest.mark.parametrize("state", State)
def test_each_decision_leads_where_the_table_says_and_nowhere_else(state: State) -> None:
    for decision in Decision:
        wanted = TABLE[state].get(decision.value)
        if wanted is None:
            with pytest.raises(DecisionRefused) as refused:
                decided(state, decision, approved=False, before=State.RETIRED)
            assert "Possible now:" in refused.value.message_en
            assert "当前可执行" in refused.value.message_zh
        else:
            assert decided(state, decision, approved=False, before=State.RETIRED) == wanted


@pytest.mark.parametrize("state", State)
def test_what_is_offered_is_what_is_done(state: State) -> None:
    for approved in (False, True):
        for before in (None, *State):
            for decision in Decision:
                if decision in possible(state, approved=approved, before=before):
                    decided(state, decision, approved=approved, before=before)
                else:
                    with pytest.raises(DecisionRefused):
                        decided(state, decision, approved=approved, before=before)


def test_an_approved_version_is_not_approved_again() -> None:
    with pytest.raises(DecisionRefused, match="approved already"):
        decided(State.CHAMPION, Decision.APPROVE, approved=True, before=None)


@pytest.mark.parametrize(
    ("before", "words"), [(None, "no champion before"), (State.SHADOW, "is in shadow now")]
)
def test_a_roll_back_needs_a_champion_before_that_is_still_retired(before: State | None, words: str) -> None:
    with pytest.raises(DecisionRefused, match=words):
        decided(State.CHAMPION, Decision.ROLL_BACK, approved=True, before=before)
