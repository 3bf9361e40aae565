from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.people.account import change_password, end_own_sessions, has_password
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import passwords
from tundish_platform.tenancy.passwords import MAX_FAILURES, LoginRefused
from tundish_platform.tenancy.sessions import open_session, open_sessions

if TYPE_CHECKING:
    from conftest import Plant

PASSWORD = "tap hole 42"
NEW = "mould level 7"
LENGTH = timedelta(hours=10)


@pytest.fixture(autouse=True)
def clock(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "utc_now", lambda: plant.now)


def change(plant: Plant, old: str, new: str, keep: str = "") -> int:
    with plant.metadata.session() as session:
        return change_password(session, plant.owner, old, new, plant.now, keep=keep)


def test_another_password_ends_all_sessions_but_the_one_that_asks(plant: Plant) -> None:
    with plant.metadata.session() as session:
        kept, *_ = (open_session(session, plant.owner, LENGTH, plant.now) for _ in range(3))
        assert has_password(session, plant.owner)
    assert change(plant, PASSWORD, NEW, kept) == 2
    with plant.metadata.session() as session:
        assert [one.current for one in open_sessions(session, plant.owner, plant.now, kept)] == [True]
        assert end_own_sessions(session, plant.owner, plant.now) == 1
    with pytest.raises(LoginRefused):
        change(plant, PASSWORD, "a third password")
    assert change(plant, NEW, "a third password") == 0


def test_wrong_passwords_count_and_unusable_new_ones_do_not(plant: Plant) -> None:
    for new in ("short", "x" * 1025, PASSWORD):
        for _ in range(MAX_FAILURES):
            with pytest.raises(PeopleRefused):
                change(plant, PASSWORD, new)
    for _ in range(MAX_FAILURES):
        with pytest.raises(LoginRefused):
            change(plant, "a wrong one", NEW)
    with pytest.raises(LoginRefused) as closed:
        change(plant, PASSWORD, NEW)
    assert closed.value.code == "locked"
