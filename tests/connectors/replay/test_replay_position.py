from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_connectors.replay.history import phase_s
from tundish_connectors.replay.position import Position, PositionError, PositionFile
from tundish_connectors.replay.registry import recording

if TYPE_CHECKING:
    from pathlib import Path

V0 = datetime(2026, 3, 2, 3, 7, 9, tzinfo=UTC)
SPAN = timedelta(hours=12)
PARTS = recording("plate-line").live()
SECOND = timedelta(seconds=1)


def test_the_first_position_has_nothing_played() -> None:
    first = Position.first("plate-line", PARTS, V0)
    assert first.done == V0 - SECOND
    assert first.parts["SIS1"].done == -1
    # 03:07:09 UTC is 11:07:09 in the plant: the meter's record begins that long before.
    assert first.parts["EM1"].done == 11 * 3600 + 7 * 60 + 9 - 1


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(
        lambda d: d.replace(tzinfo=UTC, microsecond=0)
    )
)
def test_a_day_aligned_part_begins_at_a_local_midnight_before_v0(v0: datetime) -> None:
    begin = v0 - phase_s(PARTS[1], v0) * SECOND
    assert (begin.hour, begin.minute, begin.second) == (16, 0, 0)
    assert SECOND <= v0 - begin <= timedelta(days=1)
    assert phase_s(PARTS[0], v0) == 0


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=10**6))
def test_a_resumed_play_goes_on_where_it_stopped(played: int, stopped_s: int) -> None:
    position = Position.first("plate-line", PARTS, V0).played(played)
    wall = position.done + SPAN + stopped_s * SECOND
    resumed = position.resumed(PARTS, wall, 60, SPAN)
    leap = (resumed.done - position.done) // SECOND
    assert resumed.parts["SIS1"].done == position.parts["SIS1"].done
    assert resumed.parts["EM1"].done == position.parts["EM1"].done + leap
    assert resumed.v0 == V0
    assert position.done <= resumed.done <= wall
    assert wall - resumed.done <= SPAN


def test_a_short_stop_leaves_no_hole() -> None:
    position = Position.first("plate-line", PARTS, V0).played(1_000)
    assert position.resumed(PARTS, position.done + timedelta(hours=11), 60, SPAN) == position


def test_positions_survive_the_file_whole(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "state", "plate-line")
    assert file.load() is None
    position = Position.first("plate-line", PARTS, V0).played(77)
    file.save(position)
    assert file.load() == position
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["replay-plate-line.json"]


def test_a_damaged_or_foreign_position_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "replay-plate-line.json"
    path.write_text('{"kit": "plate-line"')
    with pytest.raises(PositionError, match="damaged"):
        PositionFile(tmp_path, "plate-line").load()
    path.write_text(Position.first("igbt-ageing", PARTS, V0).model_dump_json())
    with pytest.raises(PositionError, match="igbt-ageing"):
        PositionFile(tmp_path, "plate-line").load()
