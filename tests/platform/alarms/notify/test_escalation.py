from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.alarms import Transition
from tundish_platform.alarms.notify.models import NoticeDelivery
from tundish_platform.alarms.notify.outbox import FLOOD_EVERY
from tundish_platform.alarms.notify.policies import PolicySpec, change_policy

if TYPE_CHECKING:
    from conftest import Office

# What the kind of database does not matter to runs on one.
one_database = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def steps(channel: int, *minutes: int) -> list[dict[str, object]]:
    return [{"after_minutes": at, "channels": [channel]} for at in minutes]


def told(office: Office) -> list[int]:
    """Steps that were told of, in order."""
    return [item["step"] for row in office.log() for item in row.items]


def test_steps_come_one_after_the_other_until_somebody_acknowledges(office: Office) -> None:
    office.policy(steps(office.channel(), 0, 5, 15))
    alarm = office.raise_alarm()
    office.notifier().escalate()
    assert told(office) == [1]
    office.tick(minutes=4)
    office.notifier().escalate()  # another process, as after a restart: all it knows is in the database
    assert told(office) == [1]
    office.tick(minutes=1)
    office.notifier().escalate()
    assert told(office) == [1, 2]
    office.act(alarm, Transition.ACKNOWLEDGED)
    office.tick(minutes=30)
    office.notifier().escalate()
    assert told(office) == [1, 2]
    assert [(e.state, e.ended) for e in office.escalations()] == [("ended", "acknowledged")]


@one_database
@pytest.mark.parametrize(("stops", "expected"), [(True, [1]), (False, [1, 2])])
def test_an_alarm_that_clears_stops_it_where_that_is_wanted(
    office: Office, stops: bool, expected: list[int]
) -> None:
    office.policy(steps(office.channel(), 0, 5), stops_when_cleared=stops)
    office.raise_alarm()
    office.notifier().escalate()
    office.tick(minutes=1)
    office.raise_alarm(active=False)
    office.notifier().escalate()
    office.tick(minutes=5)
    office.notifier().escalate()
    assert told(office) == expected


@one_database
@pytest.mark.parametrize(("stops", "expected"), [(True, [1]), (False, [1, 2])])
def test_shelving_stops_it_where_that_is_wanted(office: Office, stops: bool, expected: list[int]) -> None:
    office.policy(steps(office.channel(), 0, 5), stops_when_shelved=stops)
    alarm = office.raise_alarm()
    office.notifier().escalate()
    until = office.now + timedelta(hours=1)
    office.act(alarm, Transition.SHELVED, comment="sensor is being changed", until=until)
    office.tick(minutes=6)
    office.notifier().escalate()
    assert told(office) == expected


def test_the_end_of_a_shelf_begins_it_anew_with_keys_of_its_own(office: Office) -> None:
    office.policy(steps(office.channel(), 0, 5))
    alarm = office.raise_alarm()
    office.notifier().escalate()
    until = office.now + timedelta(hours=1)
    office.act(alarm, Transition.SHELVED, comment="later", until=until)
    office.notifier().escalate()
    office.tick(hours=1)
    office.notifier().escalate()
    office.tick(minutes=5)
    office.notifier().escalate()
    # The first message still waits in this test, so that it tells of the new run, too.
    assert told(office) == [1, 1, 2]
    assert office.escalations()[0].run == 2


def test_a_new_occurrence_escalates_anew_and_ends_the_old(office: Office) -> None:
    office.policy(steps(office.channel(), 0, 60), stops_when_cleared=False)
    office.raise_alarm()
    office.notifier().escalate()
    office.tick(minutes=1)
    office.raise_alarm(active=False)
    office.tick(minutes=1)
    office.raise_alarm()
    office.notifier().escalate()
    assert [(e.occurrence, e.ended) for e in office.escalations()] == [(1, "raised_anew"), (2, "")]


def test_processes_that_work_at_once_tell_each_step_once(office: Office) -> None:
    office.policy(steps(office.channel(), 0, 0, 5))
    for n in range(4):
        office.raise_alarm(f"k{n}")
    notifiers = [office.notifier() for _ in range(4)]
    for expected in (8, 12):
        start = threading.Barrier(len(notifiers))

        def go(notifier: object, start: threading.Barrier = start) -> None:
            start.wait()
            notifier.escalate()  # type: ignore[attr-defined] # a Notifier

        threads = [threading.Thread(target=go, args=(one,)) for one in notifiers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told(office)) == expected
        assert sum(row.count for row in office.log()) == expected
        office.tick(minutes=5)


@one_database
def test_a_clock_that_jumps_ahead_brings_one_step_not_all(office: Office) -> None:
    office.policy(steps(office.channel(), 1, 10, 30))
    office.raise_alarm()
    office.notifier().escalate()
    office.tick(days=3)
    for _ in range(5):
        office.notifier().escalate()
    assert told(office) == [1]
    office.tick(minutes=9)
    office.notifier().escalate()
    assert told(office) == [1, 2]
    office.tick(minutes=20)
    office.notifier().escalate()
    assert told(office) == [1, 2, 3]


@one_database
def test_a_clock_that_is_set_back_lengthens_no_wait(office: Office) -> None:
    office.policy(steps(office.channel(), 0, 10))
    office.raise_alarm()
    office.notifier().escalate()
    office.tick(days=-2)
    office.notifier().escalate()
    office.tick(minutes=10)
    office.notifier().escalate()
    assert told(office) == [1, 2]


@one_database
def test_policies_choose_by_priority_and_place(office: Office) -> None:
    channel = office.channel()
    high = {"after_minutes": 0, "channels": [channel], "least_priority": 3}
    office.policy([high], path="S/L1", least_priority=2)
    for key, path, priority in [
        ("below", "S/L1/M/T", 3), ("itself", "S/L1", 4), ("beside", "S/L10/M", 4), ("low", "S/L1/M", 1),
        ("passed", "S/L1/M", 2),
    ]:  # fmt: skip
        office.raise_alarm(key, path=path, priority=priority)
    office.notifier().escalate()
    assert len(office.escalations()) == 3
    assert len(told(office)) == 2


@one_database
def test_a_step_tells_only_in_its_hours_on_the_plants_clock(office: Office) -> None:
    day, night = office.channel(), office.channel()
    week = list(range(1, 8))
    shifts = {
        day: {"days": week, "begins": "08:00", "ends": "20:00"},
        night: {"days": week, "begins": "20:00", "ends": "08:00"},
    }
    office.policy([{"after_minutes": 0, "channels": [c], "hours": [h]} for c, h in shifts.items()])
    office.now = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)  # 19:59 in Shanghai
    office.raise_alarm("a")
    office.notifier().escalate()
    office.tick(minutes=1)
    office.raise_alarm("b")
    office.notifier().escalate()
    assert [row.channel_id for row in office.log()] == [day, night]


def test_a_flood_makes_one_message_now_and_then(office: Office) -> None:
    office.policy(steps(office.channel(), 0))
    notifier = office.notifier()
    office.raise_alarm("alone")
    for block in range(10):
        notifier.escalate()
        for row in office.log():  # the sender is quick: nothing waits to be put together
            if row.due_at <= office.now and row.state == "waiting":
                _sent(office, row.id)
        office.tick(seconds=20)
        office.raise_many([f"k{block}-{n}" for n in range(20)])
    notifier.escalate()
    log = office.log()
    assert sum(row.count for row in log) == 201
    assert len(log) == 3, "one alarm alone, the flood's beginning, and the summary that waits"
    assert [row.kind for row in log] == ["alarm", "flood", "flood"]
    assert log[2].due_at == log[1].due_at + FLOOD_EVERY
    assert len(log[2].items) == 50


def _sent(office: Office, number: int) -> None:
    with office.plant.metadata.session() as session:
        row = session.get(NoticeDelivery, number)
        assert row is not None
        row.state, row.attempts = "sent", 1


@one_database
def test_a_policy_that_is_switched_off_waits_and_a_channel_that_is_gives_up(office: Office) -> None:
    channel = office.channel(enabled=False)
    policy = office.policy(steps(channel, 0, 5))
    office.raise_alarm()
    office.notifier().escalate()
    assert [(row.state, row.fault) for row in office.log()] == [("dead", "channel_off")]
    off = PolicySpec.model_validate({"name": "p", "steps": steps(channel, 0, 5), "enabled": False})
    with office.plant.metadata.session() as session:
        change_policy(session, office.plant.engineer, policy, 1, off, office.now)
    office.notifier().escalate()
    assert [e.state for e in office.escalations()] == ["paused"]
