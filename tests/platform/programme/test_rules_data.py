"""The published rules as data, and their application to facts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.programme import Rule, apply, facts_hash, published_rules

OFFICIAL, DEMO = published_rules()["2026.1"], published_rules()["demo-2026.1"]
FULL = {
    "uscc_valid": 1, "industry_set": 1, "region_set": 1, "subscriptions": 1, "sources": 1, "users": 2,
    "user_bins": 4, "machine_bins": 20, "machines": 3, "lines": 1, "good_share": 0.6, "app_bins": 10,
    "apps": 1, "alerts": 0, "alerts_handled": 0, "alert_share": 0,
}  # fmt: skip
RANKS = ["", "registered", "on_cloud", "on_platform"]


def stage(rule: Rule, *windows: dict[str, float]) -> str:
    return apply(rule, {"windows": list(windows)}).stage


def without(**changes: float) -> dict[str, float]:
    return {**FULL, **changes}


def test_both_versions_have_the_same_structure_and_the_demo_says_so_in_both_languages() -> None:
    def shape(rule: Rule) -> object:
        return [
            (s.key, s.windows, [[[f.fact for f in a] for a in c.any] for c in s.conditions])
            for s in rule.stages
        ]

    assert shape(OFFICIAL) == shape(DEMO)
    assert (OFFICIAL.demo, DEMO.demo) == (False, True)
    assert "演示" in DEMO.name.zh
    assert "demo" in DEMO.name.en.lower()


def test_every_fact_a_rule_asks_for_is_one_that_is_counted() -> None:
    for rule in published_rules().values():
        asked = {f.fact for s in rule.stages for c in s.conditions for a in c.any for f in a}
        assert asked <= set(FULL)


def test_texts_name_the_figures_they_stand_for() -> None:
    for rule in (OFFICIAL, DEMO):
        for condition in (c for s in rule.stages[1:] for c in s.conditions):
            words = condition.text.en.replace("one line", "1 line")
            said = {float(n) for n in re.findall(r"\d+", words)}
            figures = {f.at_least * (100 if f.fact == "good_share" else 1) for a in condition.any for f in a}
            assert figures <= said, condition.text.en


def test_the_official_thresholds_are_exact() -> None:
    assert stage(OFFICIAL, FULL, FULL) == "on_platform"
    for fact, below in (("good_share", 0.5999), ("app_bins", 9)):
        assert stage(OFFICIAL, without(**{fact: below}), FULL) == "on_cloud"
    assert stage(OFFICIAL, without(machines=2, lines=0), FULL) == "on_cloud"
    assert stage(OFFICIAL, without(machines=0), FULL) == "on_platform"
    assert stage(OFFICIAL, without(machine_bins=19), FULL) == "on_platform"
    assert stage(OFFICIAL, without(machine_bins=19, users=1), FULL) == "registered"
    assert stage(OFFICIAL, without(machine_bins=19, user_bins=3), FULL) == "registered"
    assert stage(OFFICIAL, without(subscriptions=0), FULL) == "on_platform"
    assert stage(OFFICIAL, without(subscriptions=0, sources=0), FULL) == "registered"
    assert stage(OFFICIAL, without(uscc_valid=0), FULL) == ""


def test_the_platform_needs_two_windows_in_a_row() -> None:
    assert stage(OFFICIAL, FULL) == "on_cloud"
    assert stage(OFFICIAL, FULL, without(app_bins=0)) == "on_cloud"
    assert stage(OFFICIAL, without(app_bins=0), FULL) == "on_cloud"


def test_the_checks_say_which_condition_failed() -> None:
    verdict = apply(OFFICIAL, {"windows": [without(app_bins=0), FULL]})
    failed = [check for check in verdict.checks if not check.held]
    assert [check.text_en for check in failed] == ["at least 1 industrial app used live data on 10 days"]


facts_strategy = st.fixed_dictionaries(
    {name: st.floats(0, 2 * full, allow_nan=False) for name, full in FULL.items()}
)


@given(facts_strategy, st.sampled_from(sorted(FULL)), st.floats(0, 100))
def test_more_of_anything_never_costs_a_stage(facts: dict[str, float], name: str, more: float) -> None:
    better = {**facts, name: facts[name] + more}
    for rule in (OFFICIAL, DEMO):
        assert RANKS.index(stage(rule, better, better)) >= RANKS.index(stage(rule, facts, facts))


@given(facts_strategy)
def test_the_same_facts_give_the_same_answer_and_hash(facts: dict[str, float]) -> None:
    again = {"windows": [dict(reversed(facts.items()))] * 2}
    whole = {"windows": [facts] * 2}
    assert apply(OFFICIAL, whole) == apply(OFFICIAL, again)
    assert facts_hash(whole) == facts_hash(again)


def test_a_changed_fact_changes_the_hash() -> None:
    assert facts_hash({"windows": [FULL]}) != facts_hash({"windows": [without(users=3)]})


@pytest.mark.parametrize("bad", [{"window_s": 90}, {"bin_s": 90}, {"bin_s": 0}])
def test_a_rule_with_broken_times_is_no_rule(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"whole|greater"):
        Rule.model_validate({**DEMO.model_dump(), **bad})
