from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from tundish_platform.alarms import (
    AlarmState,
    HandlingRefused,
    Transition,
    TransitionRefused,
    UnknownAlarm,
    handle,
    list_alarms,
    list_events,
    list_floods,
    owed_acknowledgements,
    settle_acknowledgement,
    take_reports,
)
from tundish_platform.alarms.models import Alarm
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Plant

    from tundish_platform.samples import AlarmReport

    Make = Callable[..., AlarmReport]

HOUR = timedelta(hours=1)
ALL = frozenset(AlarmState)


def states(plant: Plant, now: datetime) -> list[AlarmState]:
    with plant.metadata.session() as session:
        return [view.state for view in list_alarms(session, plant.viewer, now, states=ALL)]


def send(plant: Plant, now: datetime, *reports: AlarmReport) -> tuple[int, int, int]:
    with plant.metadata.session() as session:
        taken = take_reports(session, plant.collector, "opc", reports, now)
    return taken.changed, taken.late, taken.repeated


def test_reports_in_any_order_and_again_lead_to_the_same_standing(
    plant: Plant, now: datetime, make_report: Make
) -> None:
    three = [make_report(1), make_report(2, active=False), make_report(3)]
    for number, order in enumerate(permutations(three)):
        reports = [report.model_copy(update={"key": f"k{number}"}) for report in order]
        for report in [*reports, *reports]:
            send(plant, now, report)
    assert states(plant, now) == [AlarmState.UNACKNOWLEDGED] * 6
    with plant.metadata.session() as session:
        for view in list_alarms(session, plant.viewer, now):
            events = list_events(session, plant.viewer, alarm_id=view.id)
            raised = sorted(e.ts for e in events if e.transition is Transition.RAISED)
            assert len(raised) == len(set(raised))


def test_a_clearing_of_an_alarm_nobody_knew_makes_none(
    plant: Plant, now: datetime, make_report: Make
) -> None:
    assert send(plant, now, make_report(1, active=False)) == (0, 0, 1)
    assert states(plant, now) == []


def test_a_late_report_is_history_and_changes_nothing(plant: Plant, now: datetime, make_report: Make) -> None:
    assert send(plant, now, make_report(10)) == (1, 0, 0)
    assert send(plant, now, make_report(5, active=False)) == (0, 1, 0)
    assert send(plant, now, make_report(5, active=False)) == (0, 0, 1)
    assert states(plant, now) == [AlarmState.UNACKNOWLEDGED]


def test_senders_at_the_same_moment_never_make_two_alarms_of_one(
    plant: Plant, now: datetime, make_report: Make
) -> None:
    failures: list[Exception] = []
    begin = threading.Barrier(6)

    def sender(number: int) -> None:
        begin.wait()
        try:
            for second in range(5):
                send(plant, now, make_report(second), make_report(second, key=f"own{number}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall tell
            failures.append(error)

    threads = [threading.Thread(target=sender, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with plant.metadata.session() as session:
        assert session.scalar(select(func.count()).select_from(Alarm)) == 7
        assert session.scalar(select(Alarm.occurrences).where(Alarm.key == "k")) == 1


def test_an_acknowledgement_is_owed_to_the_source_until_it_says_so(
    plant: Plant, now: datetime, make_report: Make
) -> None:
    send(plant, now, make_report(1), make_report(1, key="other"))
    with plant.metadata.session() as session:
        first, second = list_alarms(session, plant.viewer, now)
        handle(session, plant.operator, first.id, Transition.ACKNOWLEDGED, now=now)
        handle(session, plant.operator, second.id, Transition.ACKNOWLEDGED, now=now)
        assert [a.key for a in owed_acknowledgements(session, plant.collector, "opc")] == ["k", "other"]
        assert owed_acknowledgements(session, plant.collector, "elsewhere") == []
        assert not settle_acknowledgement(session, plant.collector, "elsewhere", first.id)
        assert settle_acknowledgement(session, plant.collector, "opc", first.id)
        assert not settle_acknowledgement(session, plant.collector, "opc", first.id)
    send(plant, now, make_report(2, key="other", acknowledged=True))
    with plant.metadata.session() as session:
        assert owed_acknowledgements(session, plant.collector, "opc") == []


def test_an_acknowledgement_at_the_source_counts_here(plant: Plant, now: datetime, make_report: Make) -> None:
    send(plant, now, make_report(1))
    assert send(plant, now, make_report(2, acknowledged=True)) == (1, 0, 0)
    assert states(plant, now) == [AlarmState.ACKNOWLEDGED]
    send(plant, now, make_report(3, active=False, acknowledged=True))
    assert states(plant, now) == [AlarmState.NORMAL]


def test_shelving_needs_a_reason_and_an_end_and_ends_by_itself(
    plant: Plant, now: datetime, make_report: Make
) -> None:
    send(plant, now, make_report(1))
    with plant.metadata.session() as session:
        (view,) = list_alarms(session, plant.viewer, now)
        for comment, until in (("", now + HOUR), ("noisy", None), ("noisy", now), ("noisy", now + 25 * HOUR)):
            with pytest.raises(HandlingRefused):
                handle(
                    session,
                    plant.operator,
                    view.id,
                    Transition.SHELVED,
                    comment=comment,
                    until=until,
                    now=now,
                )
        handle(
            session, plant.operator, view.id, Transition.SHELVED, comment="noisy", until=now + HOUR, now=now
        )
    assert states(plant, now) == [AlarmState.SHELVED]
    assert states(plant, now + HOUR) == [AlarmState.UNACKNOWLEDGED]
    with plant.metadata.session() as session:
        assert list_alarms(session, plant.viewer, now) == []
        (event, *_) = list_events(session, plant.viewer)
        assert (event.transition, event.by, event.comment) == (
            Transition.SHELVED,
            "job:shift_operator",
            "noisy",
        )


def test_only_those_who_may_do(plant: Plant, now: datetime, make_report: Make) -> None:
    send(plant, now, make_report(1))
    with plant.metadata.session() as session:
        (view,) = list_alarms(session, plant.viewer, now)
        for scope in (plant.viewer, plant.collector):
            with pytest.raises(AccessDenied):
                handle(session, scope, view.id, Transition.ACKNOWLEDGED, now=now)
        with pytest.raises(AccessDenied):
            handle(session, plant.operator, view.id, Transition.SUPPRESSED, comment="x", now=now)
        with pytest.raises(AccessDenied):
            take_reports(session, plant.operator, "opc", [make_report(1)], now)
        with pytest.raises(AccessDenied):
            list_alarms(session, plant.collector, now)
        for act in (
            lambda: handle(session, plant.stranger, view.id, Transition.ACKNOWLEDGED, now=now),
            lambda: list_events(session, plant.stranger, alarm_id=view.id),
        ):
            with pytest.raises(UnknownAlarm):
                act()
        assert list_alarms(session, plant.stranger, now, states=ALL) == []
        assert list_events(session, plant.stranger) == []
        assert list_floods(session, plant.stranger, now - HOUR, now) == []
        handle(session, plant.engineer, view.id, Transition.SUPPRESSED, comment="standstill", now=now)
        with pytest.raises(TransitionRefused):
            handle(session, plant.operator, view.id, Transition.ACKNOWLEDGED, now=now)
        with pytest.raises(HandlingRefused):
            handle(session, plant.operator, view.id, Transition.RAISED, now=now)


def test_pages_of_alarms_and_floods(plant: Plant, make_report: Make) -> None:
    now = datetime(2026, 3, 1, 8, tzinfo=UTC)
    send(plant, now, *(make_report(1, key=f"k{n:02}") for n in range(25)))
    with plant.metadata.session() as session:
        first = list_alarms(session, plant.viewer, now, limit=10)
        rest = list_alarms(session, plant.viewer, now, after=first[-1].id)
        assert [view.key for view in [*first, *rest]] == [f"k{n:02}" for n in range(25)]
        events = list_events(session, plant.viewer, limit=10)
        more = list_events(session, plant.viewer, before=events[-1].id)
        assert len({event.id for event in [*events, *more]}) == 25
        (flood,) = list_floods(session, plant.viewer, now - HOUR, now + HOUR)
        assert flood.alarms == 25
