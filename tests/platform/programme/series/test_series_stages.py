"""A rule over columns gives what the rule gives row by row, and figures are what one counts by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.programme import Rule, apply, published_rules
from tundish_platform.programme.series.figures import by_cell, counted, funnel
from tundish_platform.programme.series.panel import FACTS, Panel, packed, panel_of, table_of, unpacked
from tundish_platform.programme.series.stages import asked, staged
from tundish_platform.programme.series.stalled import stalled, steps, unmoved
from tundish_platform.programme.series.stored import Stages

if TYPE_CHECKING:
    from collections.abc import Sequence

RULES = [rule for rule in published_rules().values() if len(rule.stages) > 1]
# Around every threshold that any rule names, so that a wrong comparison shows.
EDGES = {
    fact: sorted(
        {0.0}
        | {
            max(0.0, f.at_least + step)
            for rule in RULES
            for s in rule.stages
            for c in s.conditions
            for a in c.any
            for f in a
            if f.fact == fact
            for step in ((-0.0001, 0, 0.0001) if fact.endswith("share") else (-1, 0, 1))
        }
    )
    for fact in FACTS
}


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Enterprises that come, go, and mostly do well, so that every stage is reached."""
    seed = draw(st.integers(0, 2**32 - 1))
    goodness = draw(st.sampled_from([0.6, 0.95, 1.0]))
    rng = np.random.default_rng(seed)
    months = int(rng.integers(1, 15))
    names = tuple(f"2025-{m:02d}" for m in range(1, months + 1))
    tables = []
    for _ in names:
        numbers = [n for n in range(1, 6) if rng.random() < 0.97]
        rows = [
            {f: float(EDGES[f][-1] if rng.random() < goodness else rng.choice(EDGES[f])) for f in FACTS}
            for _ in numbers
        ]
        tables.append(table_of(numbers, rows))
    return panel_of(names, tables)


@settings(max_examples=25, deadline=None)
@given(panels(), st.sampled_from(RULES))
def test_columns_and_rows_give_the_same_answer(panel: Panel, rule: Rule) -> None:
    made = staged(rule, panel)
    keys = ["", *(stage.key for stage in rule.stages)]
    for row in range(len(panel.enterprises)):
        for column in range(len(panel.months)):
            windows = panel.windows(row, column)
            if not panel.present[row, column]:
                assert (made.ranks[row, column], windows) == (-1, [])
                continue
            verdict = apply(rule, {"windows": windows[: rule.windows]})
            assert keys[made.ranks[row, column]] == verdict.stage
            after = [check for check in verdict.checks if check.stage == verdict.next]
            assert made.missing[row, column] == sum((not c.held) << bit for bit, c in enumerate(after))
        newest = apply(rule, {"windows": panel.windows(row, len(panel.months) - 1)[: rule.windows]})
        told = np.concatenate([of[row] for of in made.unbroken]).tolist()
        assert told == [check.unbroken for check in newest.checks]


def test_the_made_panels_reach_every_stage() -> None:
    """The property above would mean little if nobody ever rose."""
    full = {f: EDGES[f][-1] for f in FACTS}
    rule = published_rules()["2026.2"]
    panel = panel_of([f"2025-{m:02d}" for m in range(1, 13)], [table_of([1], [full])] * 12)
    ranks = staged(rule, panel).ranks[0].tolist()
    assert ranks == [2, *([3] * 4), *([4] * 6), 5]


def test_only_the_facts_a_rule_asks_for_are_needed() -> None:
    rule = published_rules()["2026.2"]
    table = table_of([7, 3], [{f: EDGES[f][-1] for f in FACTS}, {}])
    whole, few = panel_of(["2025-01"], [table]), panel_of(["2025-01"], [table], asked(rule))
    assert set(few.facts) == set(asked(rule)) < set(FACTS)
    assert staged(rule, few).ranks.tolist() == staged(rule, whole).ranks.tolist() == [[0], [2]]
    assert few.enterprises.tolist() == [3, 7]


def test_a_month_survives_being_packed() -> None:
    table = table_of([2, 1], [{"machines": 3, "good_share": 0.1234}, {"alert_share": 0.8}])
    assert unpacked(packed(table)).equals(table)
    assert packed(table) == packed(
        table_of([1, 2], [{"alert_share": 0.8}, {"machines": 3, "good_share": 0.1234}])
    )


def ranks(*rows: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    return np.array(rows, np.int8)


def test_current_ever_and_new_are_counted_apart() -> None:
    made = counted(ranks([-1, 1, 2, 1], [0, 1, 1, 2], [2, 2, -1, -1]), np.zeros(3, np.int64), 1, 2)
    assert funnel(made, 0, ["a", "b"]) == {
        "enterprises": [2, 3, 2, 2],
        "current": {"a": [1, 3, 2, 2], "b": [1, 1, 1, 1]},
        "ever": {"a": [1, 3, 3, 3], "b": [1, 1, 2, 3]},
        "new": {"a": [1, 2, 0, 0], "b": [1, 0, 1, 1]},
    }


def test_cells_of_few_enterprises_are_withheld_month_by_month() -> None:
    many = ranks(*[[1, 1]] * 6, *[[1, 1]] * 6, *[[-1, 1]] * 5, *[[1, 1]] * 2)
    labels = ["a"] * 6 + ["b"] * 6 + ["c"] * 5 + ["d"] * 2
    shown = {cell["key"]: cell for cell in by_cell(many, labels, ["s"])}
    assert (shown["d"]["suppressed"], shown["d"]["figures"]) == (True, None)
    # d alone would follow from the total: the smallest other goes with it, another one in each month.
    assert shown["c"]["suppressed"]
    assert shown["a"]["figures"]["current"]["s"] == [None, 5]
    assert shown["b"]["figures"]["enterprises"] == [5, 5]


def test_who_has_not_moved_is_told_with_the_step_and_its_failing_condition() -> None:
    rule = published_rules()["2026.1"]
    made = Stages(
        np.array([4, 5, 6, 7], np.int32),
        ranks([2, 2, 2, 2], [1, 2, 2, 2], [3, 3, 3, 3], [0, 1, 1, 2]),
        np.array([0b100, 0b110, 0, 0b111], np.uint8),
        np.array([[1, 1, 1, 2, 2, 0], [1, 1, 1, 2, 1, 0], [1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 1, 1]], np.uint8),
    )
    assert unmoved(made.ranks).tolist() == [4, 3, 4, 1]
    first, second = stalled(rule, made, 3)
    assert (first.enterprise, first.stage, first.next, first.months) == (4, "on_cloud", "on_platform", 4)
    assert [(f.text_en, f.unbroken, f.needed) for f in first.failing] == [
        ("at least 1 industrial app used live data on 10 days", 0, 2)
    ]
    assert [f.unbroken for f in second.failing] == [1, 0]
    assert [s.enterprise for s in stalled(rule, made, 4)] == [4]
    assert [s.enterprise for s in stalled(rule, made, 1, after=4, limit=1)] == [5]
    kept_back = {(stage, bit): n for stage, bit, n in steps(rule, made, 3)}
    assert kept_back["on_platform", 1] == 1
    assert kept_back["on_platform", 2] == 2
    assert kept_back["on_platform", 0] == 0
    only = np.array([False, True, True, True])
    assert [s.enterprise for s in stalled(rule, made, 3, only)] == [5]
    within = {(stage, bit): n for stage, bit, n in steps(rule, made, 3, only)}
    assert within["on_platform", 2] == 1


@pytest.mark.parametrize("months", [0, 1])
def test_nothing_frozen_gives_nothing(months: int) -> None:
    panel = panel_of(["2025-01"][:months], [table_of([], [])][:months])
    assert staged(RULES[0], panel).ranks.shape == (0, months)
