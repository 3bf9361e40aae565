"""A small part of `tundish campaign escape`, with its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_deploy.campaigns.escape import run
from tundish_deploy.campaigns.escape.answers import ANSWERS
from tundish_deploy.campaigns.escape.models import crafted_tree_harms, hostile_models, pickle_runs
from tundish_deploy.campaigns.escape.probes import CALLS, PROBES, Probe
from tundish_platform.marketplace.forks import ForkServer
from tundish_platform.marketplace.isolation import bubblewrap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

# Holes that the campaign found, and that are closed.
FOUND = {
    "runs code on a thread that was there before",
    "leaves a name in shared memory",
    "leaves a name in the scratch folder",
}


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServer]:
    if bubblewrap() is None:
        pytest.fail("bubblewrap is missing; install it: apt-get install -y bubblewrap")
    with ForkServer() as server:
        yield server


def test_there_are_as_many_probes_as_promised() -> None:
    names = [probe.name for probe in (*CALLS, *PROBES)]
    assert len(names) == len(set(names))
    assert len(names) >= run.PROBES_BAR
    assert set(names) >= FOUND


def test_some_of_the_probes_are_blocked_and_proven(tmp_path: Path, forks: ForkServer) -> None:
    chosen = (*CALLS[::6], *(p for n, p in enumerate(PROBES) if n % 4 == 0 or p.name in FOUND))
    tried = run.tried_everywhere(chosen, tmp_path, forks)
    assert [(one.probe.name, one.inside) for one in tried if not one.blocked] == []
    assert [(one.probe.name, one.outside) for one in tried if not one.proven and not one.excuse] == []
    assert any(one.alone == "open" for one in tried), "bubblewrap alone must leak"


def test_a_probe_that_gets_through_is_found(tmp_path: Path, forks: ForkServer) -> None:
    (tried,) = run.tried_everywhere([Probe("breathes", "words = 'open'")], tmp_path, forks)
    assert not tried.blocked


def test_some_of_the_answers_are_refused(
    tmp_path: Path, forks: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ANSWERS", ANSWERS[::4])
    assert run.answers_refused(tmp_path, forks) == ([], [])


def test_hostile_models_are_refused_and_would_do_harm() -> None:
    found = hostile_models(24, 1)
    assert (found.tried, found.refused) == (24, 24)
    assert (found.unpacked, found.ran, found.crashes, found.unforeseen) == (0, 0, 0, ())
    assert pickle_runs()
    assert crafted_tree_harms()
