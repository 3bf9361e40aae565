"""What held when, and what was known when: the register against a book kept naively beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from tundish_platform.programme.register import reading
from tundish_platform.programme.register.changes import (
    Edit,
    Outdated,
    RegisterRefused,
    Withdrawal,
    begin,
    edit_enterprise,
    enter_enterprise,
    hold,
)
from tundish_platform.programme.register.reading import (
    Known,
    RegisterFigures,
    Wanted,
    entries,
    entry_of,
    figures,
    history_of,
    known_of,
    values_as_known,
)
from tundish_platform.programme.register.tables import RegisterFact
from tundish_platform.programme.register.timeline import Statement, holding
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
START = date(2020, 1, 1)
DAYS = st.integers(0, 5).map(lambda n: START + n * DAY)
# A busy machine takes its time; what is said is the same.
SLOWLY = settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
SAID = st.lists(st.tuples(DAYS, st.sampled_from(["p", "q", None]), st.booleans()), max_size=8)


def naive(said: list[tuple[date, str | None, bool]], known: int, on: date) -> str | None:
    """Replay the statements one by one over every day there is."""
    points: dict[date, str | None] = {}
    for day, value, withdrawn in said[:known]:
        if withdrawn:
            points.pop(day, None)
        else:
            points[day] = value
    held = None
    for day in sorted(points):
        held = points[day] if day <= on else held
    return held


@SLOWLY
@given(SAID, st.integers(0, 8), DAYS)
def test_a_timeline_says_what_replaying_it_says(
    said: list[tuple[date, str | None, bool]], known: int, on: date
) -> None:
    statements = [Statement(n, *one) for n, one in enumerate(said, start=1)]
    held = holding(reversed(statements), known, on)
    assert (None if held is None else held.value) == naive(said, known, on)


@SLOWLY
@given(SAID, st.integers(0, 8), DAYS)
def test_the_database_says_what_the_timeline_says(
    new_register: Callable[[], tuple[Session, int]],
    said: list[tuple[date, str | None, bool]],
    known: int,
    on: date,
) -> None:
    session, number = new_register()
    for day, value, withdrawn in said:
        hold(session)
        change = begin(session, "li", "entry", NOW)  # type: ignore[arg-type] # a kind by its word
        row = RegisterFact(enterprise_id=number, field="park", valid_from=day, value=value,
                           withdrawn=withdrawn, change_id=change)  # fmt: skip
        session.add(row)
        session.flush()
    at = Known(known + 1, NOW, on, now=False)
    found = values_as_known(session, at, number)[number].get("park", (None, 0))[0]
    assert found == naive(said, known, on)
    session.rollback()


@pytest.fixture
def new_register(new_sqlite: Callable[[], Metadata], codes: list[str]) -> Callable[[], tuple[Session, int]]:
    """A session in a register with one enterprise; what is done in it is rolled back."""
    metadata = new_sqlite()

    def made() -> tuple[Session, int]:
        session = metadata._sessions(info={"reach": metadata._reach})
        fields = {"name_zh": "甲", "industry": "C31", "region": "431302"}
        edit = Edit(fields=fields, valid_from=START)
        return session, enter_enterprise(session, "li", codes[0], edit, NOW, demo=True).id

    return made


def test_a_correction_of_the_past_leaves_later_changes_alone(
    metadata: Metadata, enter: Callable[..., str]
) -> None:
    code = enter(metadata, 0)
    steps = [({"region": "431382"}, date(2024, 1, 1)), ({"region": "431321"}, date(2020, 1, 1))]
    for n, (fields, day) in enumerate(steps, start=1):
        with metadata.session() as session:
            edit_enterprise(session, "wang", code, Edit(fields=fields, valid_from=day), NOW + n * DAY)
    later = NOW + 9 * DAY

    def region(change: int | None, on: date | None) -> str:
        with metadata.session() as session:
            found = entry_of(session, code, known_of(session, later, change, on=on))
        return "" if found is None else found.region

    past = date(2022, 1, 1)
    assert [region(change, past) for change in (1, 2, 3, None)] == ["431302", "431302", "431321", "431321"]
    assert [region(change, None) for change in (1, 2, 3, None)] == ["431302", "431382", "431382", "431382"]
    assert region(None, date(2019, 1, 1)) == ""
    with metadata.session() as session:
        by_moment = known_of(session, later, at=NOW + 1.5 * DAY)
        said = history_of(session, code)
    assert by_moment.change == 2
    assert [(one.field, one.replaced, one.actor) for one in said[:2]] == [
        ("region", False, "wang"), ("region", False, "wang")
    ]  # fmt: skip
    assert [one.replaced for one in said if one.field == "region"] == [False, False, True]


def test_figures_of_the_past_come_out_again_whatever_was_said_since(
    metadata: Metadata, enter: Callable[..., str]
) -> None:
    first, second = enter(metadata, 0), enter(metadata, 1, region="431382", staff="20", revenue="300")
    with metadata.session() as session:
        published = figures(session, known_of(session, NOW))
    assert published.by_region == {"431302": 1, "431382": 1}
    assert published.by_size == {"": 1, "small": 1}
    enter(metadata, 2, now=NOW + DAY)
    with metadata.session() as session:
        edit_enterprise(session, "li", first, Edit(fields={"region": "431321"}, valid_from=START), NOW + DAY)
        edit_enterprise(session, "li", second, Edit(fields={"staff": ""}), NOW + DAY)
    with metadata.session() as session:
        again = figures(session, known_of(session, NOW + 5 * DAY, published.change, on=published.on))
        now = figures(session, known_of(session, NOW + 5 * DAY))
    assert again == published
    assert now.by_region == {"431302": 1, "431321": 1, "431382": 1}


def test_changes_are_numbered_without_holes_and_never_go_back_in_time(
    metadata: Metadata, enter: Callable[..., str]
) -> None:
    enter(metadata, 0, now=NOW)
    code = enter(metadata, 1, now=NOW - 30 * DAY)
    with metadata.session() as session:
        said = history_of(session, code)
        # A clock that was set back must not put a change before what was published.
        assert {(one.change, one.at) for one in said} == {(2, NOW)}
        assert known_of(session, NOW, at=NOW - DAY).change == 0


def test_what_did_not_happen_is_withdrawn_and_stays_readable(
    metadata: Metadata, enter: Callable[..., str]
) -> None:
    code, moved = enter(metadata, 0), date(2024, 1, 1)
    with metadata.session() as session:
        edit_enterprise(session, "li", code, Edit(fields={"region": "431382"}, valid_from=moved), NOW)
    back = Edit(withdraw=(Withdrawal(field="region", valid_from=moved),), note="never moved")
    with metadata.session() as session:
        edit_enterprise(session, "wang", code, back, NOW + DAY)
        found = entry_of(session, code, known_of(session, NOW + DAY))
        before = entry_of(session, code, known_of(session, NOW + DAY, 2))
    assert found is not None
    assert before is not None
    assert (found.region, before.region) == ("431302", "431382")
    for wrong in (back, Edit(withdraw=(Withdrawal(field="region", valid_from=START),))):
        with pytest.raises(RegisterRefused), metadata.session() as session:
            edit_enterprise(session, "li", code, wrong, NOW + 2 * DAY)


def test_who_saw_an_older_version_changes_nothing(metadata: Metadata, enter: Callable[..., str]) -> None:
    code = enter(metadata, 0)
    with metadata.session() as session:
        assert edit_enterprise(session, "li", code, Edit(fields={"park": "a"}), NOW, version=1) == 2
    with pytest.raises(Outdated), metadata.session() as session:
        edit_enterprise(session, "wang", code, Edit(fields={"park": "b"}), NOW, version=1)
    with metadata.session() as session:
        # Said again, it is no change.
        assert edit_enterprise(session, "li", code, Edit(fields={"park": "a"}), NOW) == 2


@pytest.mark.parametrize(
    "edit",
    [Edit(fields={"industry": ""}), Edit(fields={"odd": "x"}), Edit(fields={"region": "999999"}),
     Edit(fields={"park": "x"}, valid_from=date(2026, 3, 2))],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    new_sqlite: Callable[[], Metadata], enter: Callable[..., str], edit: Edit
) -> None:
    metadata = new_sqlite()
    code = enter(metadata, 0)
    with pytest.raises(ValueError, match=r"."), metadata.session() as session:
        edit_enterprise(session, "li", code, edit, NOW)


def test_lists_are_narrowed_alike_now_and_then(metadata: Metadata, enter: Callable[..., str]) -> None:
    enter(metadata, 0, park="东区", name_zh="娄底钢构", staff="20", revenue="300")
    enter(metadata, 1, region="340803", industry="F5111", name_en="100% Steel")
    enter(metadata, 2, size="大型")
    wishes = [
        *(Wanted(search="钢"), Wanted(search="100%"), Wanted(search="%"), Wanted(industry="C")),
        *(Wanted(region="34"), Wanted(size="large"), Wanted(size="small"), Wanted(park="东区"), Wanted()),
    ]
    with metadata.session() as session:
        now, then = known_of(session, NOW), known_of(session, NOW, 3)
        assert (now.now, then.now) == (True, False)
        for wanted in wishes:
            assert entries(session, now, wanted) == entries(session, then, wanted), wanted
        assert [len(entries(session, now, wanted)) for wanted in wishes] == [1, 1, 1, 2, 1, 1, 1, 1, 3]
        page = entries(session, now, limit=2)
        assert len(entries(session, now, after=page[-1].uscc)) == 1


def test_the_test_would_notice_a_fact_that_was_overwritten(
    new_sqlite: Callable[[], Metadata], enter: Callable[..., str]
) -> None:
    metadata = new_sqlite()
    enter(metadata, 0)
    with metadata.session() as session:
        published = figures(session, known_of(session, NOW, 1))
        session.execute(update(RegisterFact).where(RegisterFact.field == "region").values(value="431382"))
    # A process of its own, which has kept nothing.
    another = Metadata(metadata.engine.url.render_as_string(hide_password=False))
    with another.session() as session:
        assert figures(session, known_of(session, NOW, 1)) != published
    another.close()


def test_figures_are_counted_once_until_the_register_changes(
    new_sqlite: Callable[[], Metadata], enter: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = new_sqlite()
    counted: list[Known] = []
    enter(metadata, 0)
    real = reading._figures

    def counting(session: Session, known: Known) -> RegisterFigures:
        counted.append(known)
        return real(session, known)

    monkeypatch.setattr(reading, "_figures", counting)
    for expected in (1, 1, 2, 2):
        if expected == 2 and len(counted) == 1:
            enter(metadata, 1)
        with metadata.session() as session:
            assert figures(session, known_of(session, NOW)).enterprises == expected
    assert len(counted) == 2
