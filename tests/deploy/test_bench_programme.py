"""The bench of the ghost detector judges what it says it judges."""

from __future__ import annotations

import pytest

from tundish_connectors.replay.recording import PartName
from tundish_deploy.benchmarks.programme import run
from tundish_deploy.benchmarks.programme.genuine import disjoint
from tundish_platform.programme.ghosts import Ghost


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
