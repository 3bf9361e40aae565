"""States out of words: held, silent, bad, and reasons that belong to one stop."""

from __future__ import annotations

import numpy as np

from tundish_analytics.oee.hearing import Held, heard, state_of
from tundish_analytics.oee.timesplit import SECOND, State

END = 1_000 * SECOND


def held(rows: list[tuple[int, str | None]], period_s: float | None = None) -> Held:
    at = np.array([second for second, _ in rows], np.int64) * SECOND
    return Held.of(at, [word for _, word in rows], np.ones(at.size, np.bool_), END, period_s)


def test_a_word_holds_until_the_next_or_for_two_and_a_half_periods() -> None:
    states = heard(held([(0, "Execute"), (100, "Aborted")], period_s=60.0), 0, END).states
    assert states.state.tolist() == [State.PRODUCING, State.FAULT]
    assert states.end.tolist() == [100 * SECOND, 250 * SECOND]


def test_bad_samples_and_unread_words_are_unknown() -> None:
    said = Held.of(
        np.array([0, 10, 20], np.int64) * SECOND, ["Execute", "Idle", "Läuft"],
        np.array([True, False, True]), END,
    )  # fmt: skip
    found = heard(said, 0, END)
    assert found.unread == ("Läuft",)
    assert found.states.end.tolist() == [10 * SECOND]


def test_a_reason_is_the_last_one_given_during_the_stop() -> None:
    states = held([(0, "Execute"), (100, "Held"), (200, "Execute"), (300, "Idle")])
    reasons = held([(120, "E1"), (150, "E2")])
    assert heard(states, 0, END, reason=reasons).states.reason == ("", "E2", "", "")


def test_the_mode_tells_what_a_stop_was_for() -> None:
    states, mode = held([(0, "Execute"), (100, "Idle")]), held([(0, "Processing"), (200, "Setup")])
    assert heard(states, 0, END, mode=mode).states.state.tolist() == [
        State.PRODUCING, State.IDLE, State.SETUP,
    ]  # fmt: skip


def test_nothing_is_known_after_what_was_heard_even_of_words_said_later() -> None:
    said = [(0, "Execute"), (100, "Held"), (300, "Idle")]
    at = np.array([second for second, _ in said], np.int64) * SECOND
    words = Held.of(at, [word for _, word in said], np.ones(3, np.bool_), 200 * SECOND)
    assert words.until.tolist() == [100 * SECOND, 200 * SECOND, 300 * SECOND]
    states = heard(words, 0, END).states
    assert states.state.tolist() == [State.PRODUCING, State.FAULT]
    assert states.end.tolist() == [100 * SECOND, 200 * SECOND]


def test_words_are_read_in_any_case_and_spacing() -> None:
    assert [state_of(word) for word in (" Running", "COMPLETED", "Not Executing", "Out of Service")] == [
        State.PRODUCING, State.IDLE, State.IDLE, State.FAULT,
    ]  # fmt: skip
    assert state_of("Läuft") is State.UNKNOWN
