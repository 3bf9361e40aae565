"""Ghost connections are named as what they are, and plants at work are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tundish_platform.programme.ghosts import Ghost, Look, Marks, Stream, suspicions
from tundish_platform.programme.ghosts.shapes import LENGTH, fingerprints

N = 3000


def machine(seed: int, signals: int = 4, n: int = N) -> tuple[Stream, ...]:
    """Signals of one machine: they share its load, and their noise grows with it."""
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.gamma(2.0, 1.0, n // 30 + 1), 30)[:n]
    shared = np.cumsum(rng.standard_t(3, n) * (0.1 + load)) / 50
    return tuple(
        Stream(
            number,
            np.arange(n, dtype=float),
            np.round(50 + (1 + number) * shared + load * rng.standard_t(4, n) / 10, 3),
        )
        for number in range(signals)
    )


def reasons(streams: tuple[Stream, ...]) -> list[Ghost]:
    return [one.reason for one in suspicions(Look(streams))]


def with_values(streams: tuple[Stream, ...], values: list[np.ndarray]) -> tuple[Stream, ...]:
    return tuple(
        Stream(s.signal, np.arange(len(v), dtype=float), v) for s, v in zip(streams, values, strict=True)
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_machine_at_work_is_under_no_suspicion(seed: int) -> None:
    assert reasons(machine(seed)) == []


@pytest.mark.parametrize(("scale", "shift", "noise"), [(1.0, 0.0, 0.0), (1.7, -30.0, 0.0), (1.0, 0.0, 0.01)])
def test_a_stretch_in_a_loop_is_replayed_also_in_disguise(scale: float, shift: float, noise: float) -> None:
    rng = np.random.default_rng(1)
    looped = [np.tile(s.values[:700], 4) * scale + shift for s in machine(1)]
    found = suspicions(
        Look(with_values(machine(1), [v + rng.normal(0, noise, len(v)) * v.std() for v in looped]))
    )
    assert found[0].reason is Ghost.REPLAYED
    assert found[0].signals


def test_machines_that_stand_still_are_flat_and_a_single_moving_signal_is_enough_not_to_be() -> None:
    rng = np.random.default_rng(2)
    still = [np.full(N, 20.0), 5.0 + 0.1 * rng.integers(0, 3, N)]
    assert reasons(with_values(machine(2, 2), still)) == [Ghost.FLAT]
    assert reasons((*with_values(machine(2, 2), still), replace(machine(3)[0], signal=9))) == []
    valve = np.repeat(rng.integers(0, 2, N // 50), 50).astype(float)
    assert reasons(with_values(machine(2, 2), [np.full(N, 20.0), valve])) == []


def test_random_numbers_and_sines_are_synthetic() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(N)
    noise = [np.round(50 + 3 * rng.normal(size=N), 2) for _ in range(4)]
    walks = [np.round(np.cumsum(rng.uniform(-1, 1, N)), 3) for _ in range(4)]
    sines = [np.round(40 + 9 * np.sin(t / p) + 3 * np.sin(t / 97), 4) for p in (11.0, 23.0, 41.0, 60.0)]
    for values in (noise, walks, sines):
        assert Ghost.SYNTHETIC in reasons(with_values(machine(3), values))


def test_levels_that_jump_under_noise_are_synthetic_unless_the_signals_jump_together() -> None:
    rng = np.random.default_rng(11)

    def stepped(changes: np.ndarray) -> np.ndarray:
        count = int(changes.sum()) + 1
        levels = rng.uniform(5, 20, count) * np.resize([1, -1], count)
        return np.round(100 + levels[np.cumsum(changes)] + rng.normal(size=N) / 5, 3)

    alone = [stepped(rng.random(N) < 1 / 200) for _ in range(4)]
    assert reasons(with_values(machine(3), alone)) == [Ghost.SYNTHETIC]
    # A machine that goes from one operation to the next moves all that it measures, within a sample.
    at = rng.random(N) < 1 / 200
    together = [stepped(np.roll(at, late)) for late in (0, 0, 1, 0)]
    assert reasons(with_values(machine(3), together)) == []
    # Many jumps are the way in which the machine moves; nothing is taken out of it.
    restless = [stepped(rng.random(N) < 1 / 20) for _ in range(4)]
    assert reasons(with_values(machine(3), restless)) == []


def test_bell_shaped_noise_that_signals_share_is_a_machine() -> None:
    rng = np.random.default_rng(4)
    common = rng.normal(size=N)
    values = [np.round(50 + common + 0.5 * rng.normal(size=N), 2) for _ in range(4)]
    assert reasons(with_values(machine(4), values)) == []


def test_office_hours_are_suspicious_only_in_a_plant_that_says_it_runs_longer() -> None:
    day = np.concatenate([np.arange(d * 1440 + 500, d * 1440 + 1020) for d in range(21) if d % 7 < 5])
    look = Look(machine(5), day, 21.0, 168.0)
    assert [one.reason for one in suspicions(look)] == [Ghost.OFFICE_HOURS]
    assert suspicions(replace(look, hours_week=45.0)) == ()
    assert suspicions(replace(look, days=7.0)) == ()
    night = np.concatenate([day, np.arange(21 * 1440)[::20]])
    assert suspicions(replace(look, active=night)) == ()


def test_of_two_that_send_the_same_the_later_one_is_the_copy() -> None:
    original, other = Look(machine(6)), Look(machine(7))
    copy = Look(tuple(Stream(s.signal, s.ts + 60, 1.3 * s.values - 4) for s in original.streams[:2]))
    marks = Marks()
    marks.add(1, copy, connected=200.0)
    marks.add(2, original, connected=100.0)
    marks.add(3, other, connected=50.0)
    found = marks.suspicions()
    assert set(found) == {1}
    assert found[1].reason is Ghost.CLONED
    assert found[1].figures["shared"] > 0.9
    marks.add(1, Look(machine(8)), connected=200.0)
    assert marks.suspicions() == {}


def test_a_copy_sold_a_hundred_times_is_found_in_each() -> None:
    look, marks = Look(machine(9, 2, 600)), Marks()
    for number in range(100):
        marks.add(number, look, connected=float(number))
    assert set(marks.suspicions()) == set(range(1, 100))


def test_ramps_and_short_streams_tell_nothing() -> None:
    _, telling = fingerprints(np.arange(100.0))
    assert not telling.any()
    assert len(fingerprints(np.arange(LENGTH - 1.0))[0]) == 0
    short = tuple(Stream(s.signal, s.ts[:50], s.values[:50]) for s in machine(10))
    assert reasons(short) == []
    with pytest.raises(ValueError, match="shape"):
        Stream(1, np.arange(3.0), np.arange(4.0))
