"""The bench of the ghost detector judges what it says it judges."""

from __future__ import annotations

import pytest

from tundish_connectors.replay.recording import PartName
from tundish_deploy.benchmarks.programme import months, run, visits
from tundish_deploy.benchmarks.programme.backtest import backtest
from tundish_deploy.benchmarks.programme.genuine import disjoint
from tundish_platform.programme.ghosts import Ghost
from tundish_platform.programme.series import forecast


def test_a_small_city_is_judged_by_kind() -> None:
    tally = run.city(5, PartName.LIVE, 2)
    assert tally.right + tally.missed == 2 * len(Ghost)
    assert tally.right >= 7
    assert tally.wrong <= 2
    assert sum(tally.found.values()) == tally.right


def test_a_detector_that_finds_nothing_has_no_recall(monkeypatch: object) -> None:

    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    monkeypatch.setattr(run, "suspicions", lambda _look: ())
    monkeypatch.setattr(run, "disjoint", lambda rng, part: disjoint(rng, part)[:4])
    tally = run.city(5, PartName.LIVE, 1)
    assert set(tally.found) <= {Ghost.CLONED}


@pytest.mark.parametrize(("enterprises", "unevenness"), [(100, 0.0), (1000, 0.5)])
def test_intervals_of_made_histories_hold_what_came(enterprises: int, unevenness: float) -> None:
    found = backtest(11, 16, enterprises, unevenness, paths=300)
    assert found.stages == 80
    # 90 % is meant; so few histories tell it within ten points, for stages of one history go together.
    assert 0.8 <= found.coverage <= 0.99
    assert found.width < 0.12
    assert found.error < found.width / 2


def test_an_interval_that_forgets_how_months_differ_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: paths that all draw from all months alike hold too little."""
    monkeypatch.setattr(forecast, "_SHRINK", 1e9)
    assert backtest(11, 16, 1000, 0.5, paths=300).coverage < 0.7


def test_each_kind_is_counted_apart_with_its_interval() -> None:
    tally = run.Tally(right=5, wrong=1, missed=1)
    tally.made.update({Ghost.FLAT: 4, Ghost.CLONED: 2})
    tally.found.update({Ghost.FLAT: 3, Ghost.CLONED: 2})
    # Of the flat ones one was taken for a replay, and so was a plant at work.
    tally.ghosts.update({Ghost.FLAT: 2, Ghost.REPLAYED: 1, Ghost.CLONED: 2})
    tally.reasons.update({Ghost.REPLAYED: 1})
    found = {figure.name: figure for figure in run._figures(tally)}
    assert found["ghost_precision"].value == pytest.approx(5 / 6)
    assert (found["ghost_precision"].holds, found["ghost_recall"].holds) == (False, False)
    assert found["ghost_flat_recall"].value == 0.75
    assert (found["ghost_flat_precision"].value, found["ghost_replayed_precision"].value) == (1.0, 0.5)
    assert found["ghost_synthetic_recall"].value is None
    low, high = found["ghost_flat_recall"].low, found["ghost_flat_recall"].high
    # Wilson's interval of 3 of 4.
    assert (low, high) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))


def test_a_small_city_is_recomputed_published_and_visited() -> None:
    figures, conditions = months.bench_months(150, 9, 2, lambda _text: None)
    found = {figure.name: figure for figure in figures}
    assert {"recompute_s", "first_page_small_p95_ms", "publish_s"} <= set(found)
    assert all(figure.value is not None and figure.value > 0 for figure in figures)
    # The page itself and what fills it; a page whose callbacks are not found is refused.
    asked = int(conditions["page"].partition("its ")[2].split()[0])
    assert asked >= 3


def test_a_visitor_who_is_refused_says_so() -> None:
    known = [
        {"clientside_function": None, "prevent_initial_call": "initial_duplicate", "state": [],
         "inputs": [{"id": "a", "property": "value"}]},
        {"clientside_function": {"namespace": "x"}, "prevent_initial_call": False, "state": [],
         "inputs": [{"id": "a", "property": "value"}]},
        {"clientside_function": None, "prevent_initial_call": True, "state": [],
         "inputs": [{"id": "a", "property": "value"}]},
        {"clientside_function": None, "prevent_initial_call": False, "state": [],
         "inputs": [{"id": "elsewhere", "property": "value"}]},
    ]  # fmt: skip
    assert [visits._fires(one, {"a": {}}) for one in known] == [True, False, False, False]
    tree = {"props": {"id": "a", "children": [{"props": {"id": "b", "x": {"props": {"id": "c"}}}}]}}
    assert [number for number, _ in visits._ids(tree)] == ["a", "b", "c"]
