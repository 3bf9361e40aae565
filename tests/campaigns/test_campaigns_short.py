"""The campaigns with small counts: the same functions, the same controls."""

from __future__ import annotations

import errno
from collections import Counter

import pytest

from tundish_deploy.campaigns import clocks, deaths, kill, machine, power
from tundish_deploy.campaigns.machine import SHORT
from tundish_deploy.campaigns.script import At, FullFrom, run

SEED = "short"
STEPS_S = (3600, -86_400, -5)
# Deaths around the first folders, in the middle, and at the first segment's.
LEFT = (0, 1, 2, 20, 38, 40)
PLACES = ("open log", "write log", "fdatasync log", "sync tmp", "rename parquet", "database-sync wal")


def test_no_power_cut_loses_what_was_acknowledged() -> None:
    outcome = power.episode(SEED, 20, crashes=0.3)
    assert outcome.found.words == []
    assert outcome.found.total == 0
    assert outcome.cuts == 20
    assert outcome.crashes > 2
    assert outcome.rows > 500
    # Each life ends once, by a cut or by a death.
    assert sum(outcome.places.values()) == outcome.cuts + outcome.crashes
    assert len(outcome.places) > 5


def test_the_same_seed_cuts_at_the_same_places() -> None:
    first, second = (power.episode(f"{SEED} again", 4) for _ in range(2))
    assert first.cuts == 4
    assert first.places
    assert first == second


@pytest.mark.parametrize("sync", power.CONTROLS)
def test_control_without_one_kind_of_sync_power_cuts_do_harm(sync: str) -> None:
    assert power.control(sync, 1).found.harm > 0


def test_a_process_that_goes_on_where_another_died_makes_safe_what_it_finds() -> None:
    """Only the places where a folder is made and a name given; the campaign takes all."""
    places = Counter()
    for number in LEFT:
        death = deaths.died(SEED, number)
        assert death.found.words == []
        places[death.place] += 1
    assert places["sync-folder folder"] >= 2


def test_control_a_folder_that_a_dead_process_left_is_not_safe_by_being_there() -> None:
    death = deaths.control(SEED)
    assert death.place == "sync-folder folder"
    assert death.found.lost > 0


@pytest.mark.parametrize("place", PLACES)
def test_after_an_io_error_nothing_is_lost_and_nothing_acknowledged_wrongly(place: str) -> None:
    result = run(SEED, place, At(place, 2, errno.EIO))
    assert result.failed == [f"EIO at {place}"]
    assert (result.found.total, result.found.words, result.broken) == (0, [], {})


@pytest.mark.parametrize("place", ["write log", "sync tmp"])
def test_a_moment_without_space_passes(place: str) -> None:
    result = run(SEED, place, At(place, 2, errno.ENOSPC))
    assert result.failed == [f"ENOSPC at {place}"]
    assert (result.found.total, result.found.words, result.broken) == (0, [], {})
    assert result.poisoned == 0


def test_a_write_that_takes_half_is_gone_on_with() -> None:
    result = run(SEED, "short", At("write log", 2, SHORT))
    assert result.failed == ["short at write log"]
    assert (result.found.total, result.found.words, result.broken) == (0, [], {})
    assert (result.full, result.poisoned) == (0, 0)


def test_control_a_half_write_taken_as_whole_loses_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "write_all", lambda write, data: write(memoryview(data)))
    result = run(SEED, "short", At("write log", 10, SHORT), swallowed=True)
    assert result.found.lost > 0


def test_a_full_disk_refuses_and_recovers_by_itself() -> None:
    result = run(SEED, "full", FullFrom(20))
    assert result.full > 3
    assert (result.found.total, result.found.words, result.broken) == (0, [], {})
    assert (result.poisoned, result.starts_refused) == (0, 0)


def test_control_an_error_that_nobody_is_told_of_loses_rows() -> None:
    result = run(SEED, "swallowed", At("fdatasync log", 10, errno.EIO), swallowed=True)
    assert result.failed == ["EIO at fdatasync log"]
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
