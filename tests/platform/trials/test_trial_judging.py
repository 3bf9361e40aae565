"""Cries and troubles made up so that each verdict follows from its rule alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tundish_platform.sdk import Plan, Texts
from tundish_platform.trials.judging import Judged, Known, Source, Stretch, Trouble, cries_of, judge
from tundish_platform.trials.plan import LONGEST, moments, slowed, step_of
from tundish_platform.trials.report import TrialReport, cost_of, counts_of
from tundish_platform.trials.result import Ended, WindowDone

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(hours=1)
LEAD = timedelta(hours=4)
END = BEGIN + 48 * STEP


def at(hour: float) -> datetime:
    return BEGIN + hour * STEP


def windows(cried: set[int], left_out: set[int] | None = None) -> list[WindowDone]:
    """A window an hour; in some the output was an alarm, in some nothing ran."""
    return [
        WindowDone(
            at=at(hour),
            ended=Ended.INCOMPLETE if hour in (left_out or ()) else Ended.OK,
            flagged={"x": 1.0} if hour in cried else {},
        )
        for hour in range(1, 49)
    ]


def trouble(start: float, end: float, path: str = "S/A/L/M", en: str = "burst") -> Trouble:
    return Trouble(Source.ALARM, path, at(start), at(end), "爆", en)


def judged(
    cried: set[int], *troubles: Trouble, left_out: set[int] | None = None, watched: float | None = 0.0,
    **more: tuple[Stretch, ...],
) -> Judged:  # fmt: skip
    known = Known(troubles, watched_since=None if watched is None else at(watched), **more)
    return judge(windows(cried, left_out), {"x": LEAD}, known, STEP, END)


def verdicts(found: Judged) -> tuple[list[str], list[str]]:
    return [str(one.verdict) for one in found.cries], [str(one.verdict) for one in found.troubles]


@pytest.mark.parametrize(
    ("cried", "start", "end", "cry", "what"),
    [
        ({10}, 12, 13, "caught", "caught"),
        ({10}, 14, 15, "caught", "caught"),  # four hours before, to the minute
        ({10}, 14.1, 15, "nothing", "missed"),
        ({10}, 9, 10.5, "caught", "late"),
        ({10}, 8, 9, "caught", "late"),  # over when it cried, but within the step that it looks at
        ({10}, 7, 8.9, "nothing", "missed"),
        (set(range(2, 20)), 15, 16, "nothing", "missed"),  # it had stood long before
    ],
)
def test_a_cry_catches_what_begins_in_its_lead_time_or_is_still_there(
    cried: set[int], start: float, end: float, cry: str, what: str
) -> None:
    assert verdicts(judged(cried, trouble(start, end))) == ([cry], [what])


def test_lead_times_are_of_the_first_cry() -> None:
    found = judged({10, 12}, trouble(13, 14))
    assert [one.lead_s for one in found.cries] == [10_800.0, 3_600.0]
    assert found.troubles[0].lead_s == 10_800.0
    counts = counts_of(found)
    assert (counts.caught, counts.lead_median_s, counts.cries_caught) == (1, 10_800.0, 2)


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"refuted": (Stretch(at(9), at(11)),)}, "false"),
        ({"planned": (Stretch(at(9), at(11)),)}, "planned"),
        ({"watched": None}, "unwatched"),
        ({"watched": 11.0}, "unwatched"),
        ({"watched": 9.0}, "nothing"),
    ],
)
def test_a_cry_without_trouble_is_judged_by_what_is_known(more: dict[str, object], verdict: str) -> None:
    assert verdicts(judged({10}, **more))[0] == [verdict]  # type: ignore[arg-type]


def test_what_is_not_judged_counts_neither_way() -> None:
    found = judged({10}, watched=None)
    counts = counts_of(found)
    assert (counts.precision, counts.recall, counts.cries_unwatched) == (None, None, 1)
    assert counts.precision_low is None


def test_a_cry_whose_lead_time_is_not_over_is_not_judged() -> None:
    assert verdicts(judged({46}))[0] == ["not_over"]
    assert verdicts(judged({46}, trouble(47, 48)))[0] == ["caught"]


def test_a_trouble_without_a_run_before_it_is_not_judged() -> None:
    left_out = set(range(10, 21))
    assert verdicts(judged(set(), trouble(16, 20), left_out=left_out))[1] == ["not_tried"]
    assert verdicts(judged(set(), trouble(13, 20), left_out=left_out))[1] == ["missed"]


def test_windows_that_were_left_out_do_not_end_a_cry_at_once() -> None:
    cries = cries_of(windows({10, 12}, {11}), "x", STEP)
    assert [(cry.start, cry.end, cry.windows) for cry in cries] == [(at(10), at(12), 2)]
    assert len(cries_of(windows({10, 12}), "x", STEP)) == 2
    assert len(cries_of(windows({10, 14}, {11, 12, 13}), "x", STEP)) == 2


def test_trouble_that_comes_and_goes_is_one_and_other_trouble_is_not() -> None:
    again = trouble(12.5, 13), trouble(13.5, 14), trouble(12, 14, "S/A/L/N"), trouble(12, 14, en="leak")
    assert len(judged(set(), trouble(11, 12), *again).troubles) == 3


def test_an_output_without_flags_judges_nothing() -> None:
    found = judge(windows({10}), {}, Known((trouble(11, 12),)), STEP, END)
    assert found.cries == ()


@pytest.mark.parametrize(
    ("schedule", "days", "step"),
    [
        (3600.0, 30, 3600.0),
        (60.0, 30, 3600.0),
        (60.0, 0.5, 60.0),
        (86_400.0, 30, 86_400.0),
        (50.0, 30, 3600.0),
    ],
)
def test_steps_are_coarser_where_there_would_be_too_many_runs(
    schedule: float, days: float, step: float
) -> None:
    assert step_of(schedule, days * timedelta(days=1)) == step
    assert len(moments(BEGIN, BEGIN + LONGEST, step_of(schedule, LONGEST))) <= 720


def test_slow_runs_make_steps_coarser() -> None:
    assert slowed(60.0, 100, 1.0, 900.0) == 60.0
    assert slowed(60.0, 100, 20.0, 900.0) == 180.0


@pytest.mark.parametrize(
    ("kind", "price", "fen"),
    [("free", 0, 0), ("flat", 900, 900), ("per_signal", 900, 4_500), ("per_run", 3, 300)],
)
def test_the_cost_follows_from_the_plan(kind: str, price: int, fen: int) -> None:
    plan = Plan.model_validate({"key": "p", "name": {"zh": "资", "en": "p"}, "kind": kind, "fen": price})
    assert cost_of(plan, 5, 100).model_dump() == {"plan": kind, "fen": fen, "signals": 5, "runs": 100}


def test_a_report_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        TrialReport.model_validate({"surprise": Texts(zh="惊", en="s")})
