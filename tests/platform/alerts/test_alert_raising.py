"""Alerts are told at least once, in any order and by more than one worker, and stand once."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from tundish_platform.alarms import AlarmState, list_alarms
from tundish_platform.alerts import (
    ALERTS,
    AlertQuotaReached,
    AlertView,
    UnknownAlert,
    find_alert,
    list_alerts,
    raising,
    take_alert,
)
from tundish_platform.alerts.models import Alert
from tundish_platform.samples import AlarmPriority, Horizon
from tundish_platform.tenancy import AccessDenied, Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import Shop

    from tundish_platform.samples import AlertReport


def told(shop: Shop, now: datetime, *reports: AlertReport) -> list[AlertView]:
    """The alerts after each report was taken in a transaction of its own, oldest first."""
    for report in reports:
        with shop.metadata.session() as session:
            take_alert(session, shop.worker, report, now)
    with shop.metadata.session() as session:
        return list_alerts(session, shop.viewer)[::-1]


def alarms(shop: Shop, now: datetime) -> list[tuple[str, str, bool]]:
    with shop.metadata.session() as session:
        found = list_alarms(session, shop.viewer, now, states=frozenset(AlarmState))
    return [(one.source, one.path, one.active) for one in found]


def test_an_alert_comes_back_as_it_was_told(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    horizon = Horizon(expected_at=now, earliest=now - timedelta(hours=1), latest=None)
    item = {"signal": "S/A/L/M/T", "name_zh": "油温", "name_en": "Oil", "value": 61.5, "expected": None,
            "unit": "Cel", "contribution": 0.5}  # fmt: skip
    report = make_alert(horizon=horizon, evidence=(item,), low=1.0, high=2.0)
    (view,) = told(shop, now, report)
    assert type(report).model_validate(view.model_dump(include=set(type(report).model_fields))) == report
    assert (view.told_at, view.changed_at, view.feedback) == (now, now, None)
    with shop.metadata.session() as session:
        assert find_alert(session, shop.viewer, view.id) == view


def test_any_order_and_any_repeats_end_in_the_same_alert(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    closed = now - timedelta(minutes=20)
    story = [
        make_alert(60, 60),
        make_alert(60, 40, label_en="Worse", priority=3),
        make_alert(60, 20, closed_at=closed, priority=3),
    ]
    ends = set()
    for number, order in enumerate(permutations(story)):
        moved = [one.model_copy(update={"target": f"cooler{number}"}) for one in order]
        told(shop, now, *moved, *moved[:2])
    with shop.metadata.session() as session:
        for row in session.scalars(select(Alert)):
            ends.add((row.judged_to, row.closed_at, row.priority, row.label_en, row.opened_at))
        assert session.scalar(select(func.count()).select_from(Alert)) == 6
    assert ends == {(closed, closed, 3, "Reduced", now - timedelta(minutes=60))}


def test_an_older_window_says_nothing_new(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    newer = make_alert(60, 40, label_en="Worse")
    (view,) = told(shop, now, newer, make_alert(60, 50, label_en="Older"))
    assert (view.label_en, view.judged_to) == ("Worse", newer.judged_to)


def test_a_closing_is_final(shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]) -> None:
    closed = make_alert(60, 20, closed_at=now - timedelta(minutes=20))
    (view,) = told(shop, now, closed, make_alert(60, 10))
    assert view.closed_at == closed.closed_at
    assert view.judged_to == closed.judged_to


def test_of_one_target_only_one_alert_stands_open(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    """A second worker that thinks it opened a minute later speaks of the same alert."""
    (view,) = told(shop, now, make_alert(60), make_alert(59, 30, label_en="Newer"))
    assert (view.opened_at, view.label_en) == (now - timedelta(minutes=60), "Newer")
    first, second = told(shop, now, make_alert(60, 20, closed_at=now - timedelta(minutes=20)), make_alert(10))
    assert (first.closed_at is None, second.closed_at is None) == (False, True)


def test_workers_that_tell_the_same_at_once_make_one_alert(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    start, failed = Barrier(4), []

    def tell(minutes: float) -> None:
        start.wait()
        try:
            for judged in (minutes, minutes - 10, minutes - 20):
                with shop.metadata.session() as session:
                    take_alert(session, shop.worker, make_alert(minutes, judged, priority=4), now)
        except Exception as error:  # noqa: BLE001 - the test tells below
            failed.append(error)

    threads = [Thread(target=tell, args=(minutes,)) for minutes in (60, 60, 59, 58)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    (view,) = told(shop, now)
    assert view.judged_to == now - timedelta(minutes=38)
    assert alarms(shop, now) == [(ALERTS, "S/A/L", True)]


def test_a_grave_alert_is_an_alarm_until_it_closes(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    told(shop, now, make_alert(60))
    assert alarms(shop, now) == []
    told(shop, now, make_alert(60, 40, priority=AlarmPriority.HIGH))
    assert alarms(shop, now) == [(ALERTS, "S/A/L", True)]
    told(shop, now, make_alert(60, 20, closed_at=now - timedelta(minutes=20)))
    assert alarms(shop, now) == [(ALERTS, "S/A/L", False)]
    # What was over before the platform heard of it alarms nobody.
    told(shop, now, make_alert(90, 80, target="valve", priority=4, closed_at=now - timedelta(minutes=80)))
    assert len(alarms(shop, now)) == 1


def test_lists_take_their_filters(shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]) -> None:
    told(shop, now, make_alert(90, 80, closed_at=now - timedelta(minutes=80)), make_alert(60),
         make_alert(50, line="S/A/L2"), make_alert(40, model="igbt-ageing", target="vce_drift"))  # fmt: skip

    def numbers(**asked: Any) -> list[int]:  # noqa: ANN401 - filters
        with shop.metadata.session() as session:
            return [one.id for one in list_alerts(session, shop.viewer, **asked)]

    assert numbers() == [4, 3, 2, 1]
    assert numbers(limit=2) == [4, 3]
    assert numbers(before=3) == [2, 1]
    assert numbers(open_only=True) == [4, 3, 2]
    assert numbers(line="S/A/L2") == [3]
    assert numbers(model="igbt-ageing") == [4]
    assert numbers(target="cooler", line="S/A/L") == [2, 1]
    assert numbers(end=now - timedelta(minutes=45)) == [3, 2, 1]
    assert numbers(start=now - timedelta(minutes=70), end=now - timedelta(minutes=55)) == [2]


def test_who_may_not_gets_nothing(shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]) -> None:
    told(shop, now, make_alert(), make_alert(line="S/B/L"))
    with shop.metadata.session() as session:
        for scope in (shop.viewer, shop.shift):
            with pytest.raises(AccessDenied):
                take_alert(session, scope, make_alert(), now)
        assert list_alerts(session, shop.stranger) == []
        with pytest.raises(UnknownAlert):
            find_alert(session, shop.stranger, 1)
        limited = shop.at(Role.VIEWER, "S/B")
        assert [one.line for one in list_alerts(session, limited)] == ["S/B/L"]
        with pytest.raises(UnknownAlert):
            find_alert(session, limited, 1)


def test_no_worker_may_fill_the_database(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raising, "MAX_ALERTS", 1)
    told(shop, now, make_alert())
    with pytest.raises(AlertQuotaReached):
        told(shop, now, make_alert(target="valve"))
    assert len(told(shop, now, make_alert(60, 30))) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.2}, {"confidence": float("nan")}, {"model": ""}, {"label_zh": "a\0b"},
        {"closed_at": "2026-03-01T00:00:00Z"}, {"since": "2027-01-01T00:00:00Z"}, {"priority": 9},
        {"evidence": [{}]}, {"opened_at": "2026-03-01T07:00:00"}, {"value": float("inf")},
    ],
)  # fmt: skip
def test_a_report_that_contradicts_itself_is_refused(
    wrong: dict[str, object], make_alert: Callable[..., AlertReport]
) -> None:
    with pytest.raises(ValidationError):
        make_alert(**wrong)
