"""Notes between shifts: once taken over they stay; open points are carried until closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.audit import entries_of
from tundish_platform.handover import (
    HandoverRefused,
    NoteChange,
    NoteSpec,
    NoteView,
    carried_into,
    change_note,
    close_point,
    notes_of,
    say,
    take_over,
)

if TYPE_CHECKING:
    from conftest import Plant

LINE = "S/A/L1"
BEGIN = datetime(2026, 3, 2, 0, tzinfo=UTC)
HOURS = timedelta(hours=1)
NIGHT = BEGIN + 12 * HOURS


def said(plant: Plant, who: str, text: str, start: datetime = BEGIN, **more: object) -> NoteView:
    spec = NoteSpec.model_validate({"path": LINE, "shift_start": start, "text": text, **more})
    with plant.metadata.session() as session:
        return say(session, plant.scopes[who], spec, max(plant.now, start + HOURS))


def test_a_note_is_its_authors_until_taken_over_and_nobodys_afterwards(plant: Plant) -> None:
    plant.plan()
    one = said(plant, "anna", "压力偏低")
    with plant.metadata.session() as session:
        changed = change_note(session, plant.scopes["anna"], one.id, NoteChange(text="压力高"), BEGIN)
        assert changed.text == "压力高"
        for do in (
            lambda: change_note(session, plant.scopes["bert"], one.id, NoteChange(text="x"), BEGIN),
            lambda: take_over(session, plant.scopes["anna"], one.id, BEGIN),
            lambda: close_point(session, plant.scopes["bert"], one.id, BEGIN),
        ):
            with pytest.raises(HandoverRefused):
                do()
        taken = take_over(session, plant.scopes["bert"], one.id, NIGHT)
        assert (taken.taken_by, taken.taken_at) == ("bert", NIGHT)
        assert take_over(session, plant.scopes["boss"], one.id, NIGHT + HOURS).taken_by == "bert"
        with pytest.raises(HandoverRefused):
            change_note(session, plant.scopes["anna"], one.id, NoteChange(text="x"), NIGHT)
    follow = said(plant, "bert", "已处理", NIGHT, follows=one.id)
    assert follow.follows == one.id
    with plant.metadata.session() as session:
        (kept,) = notes_of(session, plant.scopes["bert"], LINE, BEGIN)
        assert kept.text == "压力高"
        actions = [entry.action for entry in entries_of(session, plant.scopes["boss"])]
    wanted = {"handover.note_made": 2, "handover.note_changed": 1, "handover.note_taken": 1}
    assert {name: actions.count(name) for name in wanted} == wanted


def test_an_open_point_is_carried_until_the_shift_in_which_it_is_closed(plant: Plant) -> None:
    plant.plan()
    point = said(plant, "anna", "换密封", point=True)
    said(plant, "anna", "只是说明")

    def carried(start: datetime) -> list[int]:
        with plant.metadata.session() as session:
            found = carried_into(session, plant.scopes["bert"], LINE, start, start + 12 * HOURS)
            return [one.id for one in found]

    assert carried(BEGIN) == []
    assert carried(NIGHT) == carried(NIGHT + 24 * HOURS) == [point.id]
    with plant.metadata.session() as session:
        close_point(session, plant.scopes["bert"], point.id, NIGHT + HOURS)
    assert carried(NIGHT) == [point.id], "it stood when the shift began"
    assert carried(NIGHT + 12 * HOURS) == []


def test_notes_need_a_shift_that_began_and_a_note_of_the_place_to_follow(plant: Plant) -> None:
    plant.plan()
    for wrong in (
        {"start": BEGIN + HOURS},
        {"start": BEGIN, "follows": 99},
    ):
        with pytest.raises(HandoverRefused):
            said(plant, "anna", "x", **wrong)
    spec = NoteSpec(path=LINE, shift_start=NIGHT, text="x")
    with plant.metadata.session() as session, pytest.raises(HandoverRefused):
        say(session, plant.scopes["anna"], spec, BEGIN)
