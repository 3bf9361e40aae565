from __future__ import annotations

from functools import cache

import numpy as np
from asyncua.ua.status_codes import StatusCodes
from hypothesis import given
from hypothesis import strategies as st

from tundish_connectors.replay.play import BAD_SENSOR_FAILURE, UNCERTAIN_SENSOR_NOT_ACCURATE, PartPlay
from tundish_connectors.replay.recording import Channel, Part, Silence, texts
from tundish_connectors.replay.registry import recording
from tundish_platform.samples import GOOD, SampleKind

LENGTH = 20


def small_part() -> Part:
    seconds = np.arange(LENGTH, dtype=np.int64)
    slow = np.arange(5, LENGTH + 1, 5, dtype=np.int64)
    return Part(
        "M1",
        (
            Channel("a", SampleKind.NUMERIC, seconds, seconds.astype(np.float64)),
            Channel("late", SampleKind.TEXT, slow - 5, texts(["x"] * len(slow)), at=slow),
            Channel("count", SampleKind.INTEGER, slow, np.arange(1, len(slow) + 1), per_pass=len(slow)),
        ),
        LENGTH,
    )


@cache
def hydraulic() -> PartPlay:
    one = recording("hydraulic-bench")
    return PartPlay(one.live()[0], one.silences, frozenset({"HPU1/Circuit/Pressure1"}))


@given(st.lists(st.integers(min_value=1, max_value=45), min_size=1, max_size=12))
def test_however_it_is_cut_every_row_comes_once_and_in_order(steps: list[int]) -> None:
    play = PartPlay(small_part())
    end = sum(steps) - 1
    whole = list(play.due(-1, end, -1))
    pieces, at = [], -1
    for step in steps:
        pieces.extend(play.due(at, at + step, -1))
        at += step
    assert pieces == whole
    assert [row.ts for row in whole if row.channel == 0] == list(range(end + 1))
    counts = [row.value for row in whole if row.channel == 2]
    assert counts == list(range(1, end // 5 + 1))
    late = [row.ts for row in whole if row.channel == 1]
    assert late == list(range(0, (end // 5) * 5, 5))


def test_rows_from_before_a_leap_are_left_out() -> None:
    play = PartPlay(small_part())
    assert [row.ts for row in play.due(7, 12, since=7) if row.channel == 1] == []
    assert [row.ts for row in play.due(7, 12, since=-1) if row.channel == 1] == [5]


def test_a_silent_signal_says_nothing_in_its_stretch_and_comes_back() -> None:
    part = small_part()
    play = PartPlay(part, (Silence("a", every_s=30, start_s=10, length_s=5),))
    heard = [row.ts for row in play.due(-1, 59, -1) if row.channel == 0]
    assert heard == [t for t in range(60) if not 10 <= t % 30 < 15]


def test_spoilt_statuses_are_few_seeded_and_leave_values_alone() -> None:
    play = hydraulic()
    index = next(i for i, c in enumerate(play.part.channels) if c.path.endswith("Pressure1"))
    truth = play.part.channels[index].values
    rows = [row for row in play.due(-1, play.part.length_s - 1, -1) if row.channel == index]
    by_status = {code: [row for row in rows if row.status == code] for code in {row.status for row in rows}}
    assert set(by_status) == {GOOD, BAD_SENSOR_FAILURE, UNCERTAIN_SENSOR_NOT_ACCURATE}
    assert 0.0005 < len(by_status[BAD_SENSOR_FAILURE]) / len(rows) < 0.002
    assert 0.001 < len(by_status[UNCERTAIN_SENSOR_NOT_ACCURATE]) / len(rows) < 0.003
    assert all(row.value is None for row in by_status[BAD_SENSOR_FAILURE])
    assert all(row.value == truth[row.ts] for row in rows if row.status != BAD_SENSOR_FAILURE)
    again = PartPlay(play.part, (), frozenset({"HPU1/Circuit/Pressure1"}))
    window = [row for row in rows if row.ts <= 3_000]
    assert [row for row in again.due(-1, 3_000, -1) if row.channel == index] == window


def test_the_codes_are_the_standards() -> None:
    assert StatusCodes.BadSensorFailure == BAD_SENSOR_FAILURE
    assert StatusCodes.UncertainSensorNotAccurate == UNCERTAIN_SENSOR_NOT_ACCURATE


def test_other_channels_and_labels_are_never_spoilt() -> None:
    play = hydraulic()
    spoilt = {row.channel for row in play.due(-1, 20_000, -1) if row.status != GOOD}
    assert {play.part.channels[index].path for index in spoilt} == {"HPU1/Circuit/Pressure1"}


def test_a_play_that_starts_again_shows_the_last_row_of_each_channel() -> None:
    play = PartPlay(small_part())
    latest = {row.channel: row.ts for row in play.latest(27, -1)}
    assert latest == {0: 27, 1: 20, 2: 25}
    assert play.latest(-1, -1) == []
