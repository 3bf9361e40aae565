from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from tundish_platform.alarms import Transition, handle, list_events, take_reports, view_of
from tundish_platform.alarms.maintenance import (
    UnknownWindow,
    WindowSpec,
    apply_maintenance,
    end_maintenance,
    list_maintenance,
    plan_maintenance,
)
from tundish_platform.alarms.models import Alarm
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import Plant

    from tundish_platform.samples import AlarmReport


def spec(now: datetime, minutes: float = 60, path: str = "S/L/M") -> WindowSpec:
    return WindowSpec(path=path, starts_at=now, ends_at=now + timedelta(minutes=minutes), reason="换轴承")


def states(plant: Plant, now: datetime) -> dict[str, str]:
    with plant.metadata.session() as session:
        return {row.key: view_of(row, now).state.value for row in session.scalars(select(Alarm))}


def test_a_machine_is_quiet_while_it_is_worked_on_and_speaks_up_afterwards(
    plant: Plant, make_report: Callable[..., AlarmReport], now: datetime
) -> None:
    with plant.metadata.session() as session:
        plan_maintenance(session, plant.engineer, spec(now), now)
        reports = [make_report(1, "on", path="S/L/M/C/T"), make_report(1, "beside", path="S/L/M2/T")]
        take_reports(session, plant.collector, "opc", reports, now)
        assert apply_maintenance(session, plant.engineer, now) == 1
        assert apply_maintenance(session, plant.engineer, now) == 0
    assert states(plant, now) == {"on": "suppressed", "beside": "unacknowledged"}
    later = now + timedelta(minutes=60)
    with plant.metadata.session() as session:
        assert apply_maintenance(session, plant.engineer, later) == 1
        events = list_events(session, plant.engineer, limit=2)
    assert states(plant, later)["on"] == "unacknowledged"
    assert [e.transition for e in events] == [Transition.RELEASED, Transition.SUPPRESSED]
    assert events[1].comment == "换轴承"


def test_what_an_engineer_suppressed_by_hand_stays_so(
    plant: Plant, make_report: Callable[..., AlarmReport], now: datetime
) -> None:
    with plant.metadata.session() as session:
        take_reports(session, plant.collector, "opc", [make_report(1, path="S/L/M")], now)
        alarm = session.scalars(select(Alarm.id)).one()
        handle(session, plant.engineer, alarm, Transition.SUPPRESSED, comment="by hand", now=now)
        window = plan_maintenance(session, plant.engineer, spec(now), now)
        assert apply_maintenance(session, plant.engineer, now) == 0
        end_maintenance(session, plant.engineer, window.id, now + timedelta(minutes=1))
        assert apply_maintenance(session, plant.engineer, now + timedelta(minutes=1)) == 0
    assert states(plant, now) == {"k": "suppressed"}


def test_a_window_that_is_ended_early_releases_at_once(
    plant: Plant, make_report: Callable[..., AlarmReport], now: datetime
) -> None:
    with plant.metadata.session() as session:
        take_reports(session, plant.collector, "opc", [make_report(1, path="S/L/M")], now)
        window = plan_maintenance(session, plant.engineer, spec(now, path="S/L/M/"), now)
        apply_maintenance(session, plant.engineer, now)
        ended = end_maintenance(session, plant.engineer, window.id, now + timedelta(minutes=5))
        assert ended.ended_by == plant.engineer.principal
        apply_maintenance(session, plant.engineer, now + timedelta(minutes=5))
        assert [w.id for w in list_maintenance(session, plant.viewer)] == [window.id]
    assert states(plant, now) == {"k": "unacknowledged"}


def test_windows_have_an_end_and_belong_to_engineers_of_the_plant(plant: Plant, now: datetime) -> None:
    with pytest.raises(ValidationError):
        spec(now, minutes=0)
    with pytest.raises(ValidationError):
        spec(now, minutes=60 * 24 * 32)
    with plant.metadata.session() as session:
        window = plan_maintenance(session, plant.engineer, spec(now), now)
        with pytest.raises(UnknownWindow):
            end_maintenance(session, plant.stranger, window.id, now)
        assert list_maintenance(session, plant.stranger) == []
        for scope in (plant.operator, plant.viewer, plant.collector):
            with pytest.raises(AccessDenied):
                plan_maintenance(session, scope, spec(now), now)
