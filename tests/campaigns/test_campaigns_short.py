"""The campaigns with small counts: the same functions, the same controls."""

from __future__ import annotations

import errno

import pytest

from tundish_deploy.campaigns import clocks, kill, power
from tundish_deploy.campaigns.script import PROMISES, At, FullFrom, run

SEED = "short"
STEPS_S = (3600, -86_400, -5)
PLACES = ("open log", "write log", "fdatasync log", "sync tmp", "rename parquet", "database-sync wal")


def test_no_power_cut_loses_what_was_acknowledged() -> None:
    outcome = power.episode(SEED, 20, crashes=0.0)
    assert outcome.found.harm == 0, outcome.found.words
    assert outcome.cuts == 20
    assert len(outcome.places) > 3


def test_the_same_seed_cuts_at_the_same_places() -> None:
    first, second = (power.episode(f"{SEED} again", 4) for _ in range(2))
    assert first.places
    assert first == second


@pytest.mark.parametrize("sync", power.CONTROLS)
def test_control_without_one_kind_of_sync_power_cuts_do_harm(sync: str) -> None:
    assert power.control(sync, 1).found.total > 0


@pytest.mark.parametrize("place", PLACES)
def test_after_an_io_error_nothing_is_lost_and_nothing_acknowledged_wrongly(place: str) -> None:
    result = run(SEED, place, At(place, 2, errno.EIO))
    assert len(result.failed) == 1
    assert (result.found.words, result.broken) == ([], {})


@pytest.mark.parametrize("place", ["write log", "sync tmp"])
def test_a_moment_without_space_passes(place: str) -> None:
    result = run(SEED, place, At(place, 2, errno.ENOSPC))
    assert len(result.failed) == 1
    assert (result.found.words, result.broken, result.poisoned) == ([], {}, 0)


def test_a_full_disk_refuses_and_recovers_by_itself() -> None:
    result = run(SEED, "full", FullFrom(20))
    assert result.full > 3
    assert result.found.total == 0
    assert {promise for promise in PROMISES if result.broken[promise]} <= {"clear_state"}
    assert result.poisoned == 0


def test_control_an_error_that_nobody_is_told_of_loses_rows() -> None:
    result = run(SEED, "swallowed", At("fdatasync log", 6, errno.EIO), swallowed=True)
    assert len(result.failed) == 1
    assert result.found.lost > 0


@pytest.mark.integration
def test_no_kill_loses_what_was_acknowledged() -> None:
    result = kill.episode(SEED, 4)
    assert result.found.words == []
    assert (result.kills, result.stuck, result.admitted) == (4, 0, 0)


@pytest.mark.integration
def test_control_a_row_that_nobody_acknowledged_is_missed() -> None:
    assert kill.control_claim(SEED) == 1


@pytest.mark.integration
def test_control_an_answer_before_the_write_is_found_out() -> None:
    assert kill.control_lazy(SEED) > 0


@pytest.mark.integration
def test_steps_of_the_clock_change_nothing() -> None:
    result = clocks.stepped(SEED, 1, steps=STEPS_S)
    assert result.words == []
    assert (result.lost, result.other, result.wrongly_taken) == (0, 0, 0)
    assert result.steps > len(STEPS_S)
    assert result.bad_times == 2


@pytest.mark.integration
def test_control_an_order_by_the_wall_clock_overwrites_rows() -> None:
    assert clocks.stepped(SEED, 1, "wall-clock", STEPS_S).lost > 0
