"""The five stages of version 2026.2 as tables: facts, the stage, and what keeps out of the next one."""

from __future__ import annotations

import re

import pytest

from tundish_platform.programme import Rule, apply, published_rules

OFFICIAL, DEMO = published_rules()["2026.2"], published_rules()["demo-2026.2"]
STAGES = ["registered", "on_cloud", "on_platform", "deep_cloud", "benchmark"]
BEST = {
    "uscc_valid": 1, "industry_set": 1, "region_set": 1, "subscriptions": 1, "sources": 1, "users": 5,
    "user_bins": 12, "machine_bins": 20, "machines": 10, "lines": 2, "good_share": 0.8, "apps": 3,
    "app_bins": 20, "alerts": 1, "alerts_handled": 1, "alert_share": 0.9,
}  # fmt: skip
DEEP = BEST | {
    "machines": 3, "lines": 1, "good_share": 0.6, "apps": 2, "app_bins": 10, "users": 3, "user_bins": 8,
    "alert_share": 0.8,
}  # fmt: skip
PLATFORM = DEEP | {"apps": 1, "users": 0, "user_bins": 0, "alerts_handled": 0, "alert_share": 0}
CLOUD = PLATFORM | {"machines": 1, "lines": 0, "good_share": 0.3, "apps": 0, "app_bins": 0}
PAPER = CLOUD | {"machine_bins": 19}

MACHINES = "good data from at least {} machines, or from all known machines of {} line"
SHARE = "good data in at least {} % of scheduled time"
APPS = "at least {} industrial apps used live data, on {} days"
USERS = "at least {} users logged in, on {} days"
ALERTS = "at least 1 alert handled within 3 days, and {} % of those due"
DEEP_ALL = [
    MACHINES.format(3, 1),
    SHARE.format(60),
    APPS.format(2, 10),
    USERS.format(3, 8),
    ALERTS.format(80),
]
BEST_ALL = [
    MACHINES.format(10, 2) + "s", SHARE.format(80), APPS.format(3, 20), USERS.format(5, 12),
    ALERTS.format(90),
]  # fmt: skip
SENDING = "within 30 days at least 2 users and 4 active days, or 1 machine sending good data on 20 days"
OLD_MACHINES = "good data from at least 3 machines, or from all known machines of one line"
OLD_APP = "at least 1 industrial app used live data on 10 days"


@pytest.mark.parametrize(
    ("windows", "stage", "missing"),
    [
        ([BEST | {"uscc_valid": 0}] * 12, "", ["valid USCC, industry and county on record"]),
        ([PAPER], "registered", [SENDING]),
        ([CLOUD | {"subscriptions": 0, "sources": 0}], "registered",
         ["at least 1 active subscription or 1 connected source"]),
        ([PAPER | {"users": 2, "user_bins": 4}], "on_cloud", [OLD_MACHINES, SHARE.format(60), OLD_APP]),
        ([CLOUD] * 12, "on_cloud", [OLD_MACHINES, SHARE.format(60), OLD_APP]),
        ([PLATFORM], "on_cloud", [OLD_MACHINES, SHARE.format(60), OLD_APP]),
        ([PLATFORM, PLATFORM | {"good_share": 0.5999}], "on_cloud", [SHARE.format(60)]),
        ([PLATFORM] * 2, "on_platform", DEEP_ALL),
        ([PLATFORM] * 12, "on_platform", [DEEP_ALL[2], DEEP_ALL[3], DEEP_ALL[4]]),
        ([DEEP] * 5, "on_platform", DEEP_ALL),
        ([DEEP] * 6, "deep_cloud", BEST_ALL),
        ([DEEP] * 5 + [DEEP | {"alerts_handled": 0}], "on_platform", [DEEP_ALL[4]]),
        ([DEEP | {"alert_share": 0.79}] + [DEEP] * 11, "on_platform", [DEEP_ALL[4]]),
        ([DEEP | {"apps": 1}] + [DEEP] * 11, "on_platform", [DEEP_ALL[2]]),
        ([DEEP | {"users": 2}] + [DEEP] * 11, "on_platform", [DEEP_ALL[3]]),
        ([BEST] * 11, "deep_cloud", BEST_ALL),
        ([BEST] * 12, "benchmark", []),
        ([BEST] * 11 + [BEST | {"machines": 9, "lines": 1}], "deep_cloud", [BEST_ALL[0]]),
        ([BEST | {"machines": 0}] * 12, "benchmark", []),
        ([BEST] * 11 + [DEEP], "deep_cloud", [BEST_ALL[i] for i in (0, 1, 2, 3, 4)]),
    ],
)  # fmt: skip
def test_facts_give_a_stage_and_name_what_fails_for_the_next(
    windows: list[dict[str, float]], stage: str, missing: list[str]
) -> None:
    verdict = apply(OFFICIAL, {"windows": windows})
    assert verdict.stage == stage
    assert [check.text_en for check in verdict.missing] == missing
    above = STAGES[STAGES.index(stage) + 1 :] if stage else STAGES
    assert verdict.next == (above[0] if above else "")


def test_a_condition_tells_in_how_many_windows_it_holds_without_a_break() -> None:
    verdict = apply(OFFICIAL, {"windows": [DEEP] * 4 + [PLATFORM] + [DEEP] * 3})
    told = [(check.unbroken, check.needed) for check in verdict.checks if check.stage == "deep_cloud"]
    assert told == [(6, 6), (6, 6), (4, 6), (4, 6), (4, 6)]


def test_the_three_lower_stages_are_those_of_2026_1() -> None:
    for newer, older in ((OFFICIAL, "2026.1"), (DEMO, "demo-2026.1")):
        assert newer.stages[:3] == published_rules()[older].stages
        assert [stage.key for stage in newer.stages] == STAGES


def test_texts_of_the_upper_stages_name_their_figures_in_both_languages() -> None:
    def said(text: str) -> set[float]:
        return {float(n) for n in re.findall(r"\d+", text)}

    for rule in (OFFICIAL, DEMO):
        for condition in (c for s in rule.stages[3:] for c in s.conditions):
            figures = {
                round(f.at_least * (100 if f.fact.endswith("share") else 1), 6)
                for a in condition.any
                for f in a
            }
            assert figures <= said(condition.text.en), condition.text.en
            assert figures <= said(condition.text.zh), condition.text.zh


def test_versions_published_before_are_as_they_were() -> None:
    def window(rule: Rule) -> tuple[int, int, int, int, int, bool]:
        return rule.window_s, rule.bin_s, rule.machine_window_s, rule.app_delay_s, rule.windows, rule.monthly

    assert window(published_rules()["2026.1"]) == (2_592_000, 86_400, 2_592_000, 86_400, 2, False)
    assert window(OFFICIAL) == (2_592_000, 86_400, 2_592_000, 86_400, 12, True)
