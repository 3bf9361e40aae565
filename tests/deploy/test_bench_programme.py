"""The bench of the ghost detector judges what it says it judges."""

from __future__ import annotations

import pytest

from tundish_connectors.replay.recording import PartName
from tundish_deploy.benchmarks.programme import run
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
