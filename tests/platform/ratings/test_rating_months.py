"""What people found becomes an app's figures when a month is over, and tells of no single plant."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tundish_platform.alerts import FeedbackSpec, give_feedback
from tundish_platform.marketplace.publishing import PublishRefused
from tundish_platform.marketplace.publishing.models import AppTitle
from tundish_platform.ratings import FailureSpec, rating_of, report_failure, use_of
from tundish_platform.ratings import publishing as ratings_publishing
from tundish_platform.ratings.models import RatingCell
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from datetime import datetime

    from conftest import Field

    from tundish_platform.ratings import Figures, Rating

APPS = ("other", "probe")


def rating(field: Field, now: datetime, app: str = "probe") -> Rating:
    with field.metadata.above(Above.RATINGS).session() as above:
        return rating_of(above, app, APPS, now)


def total(field: Field, now: datetime) -> Figures:
    found = rating(field, now).total
    assert found is not None
    return found


def test_five_plants_make_a_precision_with_its_interval_and_four_make_nothing(
    field: Field, now: datetime, may: datetime
) -> None:
    for place in range(4):
        field.cried(field.plant(), "confirmed" if place else "false")
    four = rating(field, now)
    assert (four.month, four.total, four.versions, four.industries) == ("2026-05", None, (), ())
    assert four.stars.counts == (0, 0, 0, 0, 0)
    # What was too little waits, and is told with the next month's.
    field.cried(field.plant(), "confirmed", may + timedelta(days=31))
    assert rating(field, now).total is None
    july = total(field, now + timedelta(days=31))
    assert (july.at_least, july.confirmed, july.refuted, july.precision) == (5, 4, 1, 0.8)
    assert (july.precision_low, july.precision_high) == pytest.approx((0.3755, 0.9638), abs=1e-4)
    assert (july.missed, july.recall, july.avoided_cost, july.lead_known) == (None, None, None, False)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_a_month_that_was_told_stays_and_later_ones_are_of_other_cases(
    field: Field, now: datetime, may: datetime
) -> None:
    plants = [field.plant() for _ in range(6)]
    alerts = [field.cried(plant, "confirmed") for plant in plants]
    before = rating(field, now)
    with field.metadata.of(plants[0]).session() as session:
        give_feedback(session, plants[0], alerts[0], FeedbackSpec(verdict="false"), now)
    field.cried(plants[0], "false", now)
    assert rating(field, now) == before
    # One plant alone changes nothing in the month after either; five do, by their new cases only.
    june = now + timedelta(days=31)
    assert total(field, june) == before.total
    for plant in plants[1:]:
        field.cried(plant, "false", may + timedelta(days=62))
    july = total(field, now + timedelta(days=62))
    assert (july.confirmed, july.refuted) == (6, 6)


def test_only_enterprises_of_the_register_that_are_not_made_up_count(field: Field, now: datetime) -> None:
    for _ in range(4):
        field.cried(field.plant(), "confirmed")
    for _ in range(3):
        field.cried(field.plant(registered=False), "confirmed")
        field.cried(field.plant(demo=True), "confirmed")
    assert rating(field, now).total is None


def test_industries_and_versions_have_cells_and_apps_do_not_mix(field: Field, now: datetime) -> None:
    for place in range(12):
        plant = field.plant("C2511" if place < 6 else "C3311")
        field.cried(plant, "confirmed" if place < 6 else "false", version=f"1.{place % 2}.0")
    found = rating(field, now)
    assert [(one.key, one.confirmed, one.refuted) for one in found.industries] == [
        ("C25", 6, 0),
        ("C33", 0, 6),
    ]
    assert [(one.key, one.confirmed, one.refuted) for one in found.versions] == [
        ("1.1.0", 3, 3),
        ("1.0.0", 3, 3),
    ]
    assert rating(field, now, "other").total is None


def test_lead_times_are_told_by_class_and_costs_where_nobody_outweighs(
    field: Field, now: datetime, may: datetime
) -> None:
    for place in range(6):
        cost = 1_234.0 if place else 1_000.0
        found_at = may + timedelta(hours=2 if place else -9)
        field.cried(field.plant(), "confirmed", found_at=found_at, avoided_cost=cost)
    found = total(field, now)
    assert (found.lead_known, found.lead_from_s, found.lead_to_s) == (True, 3_600.0, 28_800.0)
    assert found.avoided_cost == 7_200.0


def test_a_cost_that_is_mostly_one_plants_is_not_told(field: Field, now: datetime) -> None:
    for place in range(6):
        field.cried(field.plant(), "confirmed", avoided_cost=100.0 if place else 501.0)
    found = total(field, now)
    assert (found.confirmed, found.avoided_cost) == (6, None)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_failures_that_nobody_announced_make_a_recall_where_the_app_was_watching(
    field: Field, now: datetime, may: datetime
) -> None:
    plants = [field.plant() for _ in range(6)]
    for plant in plants:
        field.cried(plant, "confirmed", may - timedelta(days=5))
    for plant, ran, path in ((plants[0], 1, "S/A/L1/M1"), (plants[1], 30, "S/A/L1/M1")):
        field.ran(plant, may - timedelta(hours=ran))
        with field.metadata.of(plant).session() as session:
            report_failure(session, plant, FailureSpec(path=path, failed_at=may), may)
    # The third one's alert stood open when it failed, so it was announced.
    field.ran(plants[2], may - timedelta(hours=1))
    with field.metadata.of(plants[2]).session() as session:
        report_failure(
            session, plants[2], FailureSpec(path="S/A/L1/M1", failed_at=may - timedelta(days=5)), may
        )
    found = total(field, now)
    assert (found.missed, found.recall) == (1, 6 / 7)
    assert found.recall_low is not None
    assert found.recall_low < 6 / 7


def test_without_the_floor_single_plants_would_be_told(
    field: Field, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tests above rest on: with every cell told, this table names one plant's figure."""
    field.cried(field.plant(), "confirmed")
    everything = ratings_publishing.tellable

    def all_cells(units: list[ratings_publishing.Unit], _versions: object = None) -> object:
        found = everything(units)
        return type(found)(
            total=True,
            versions=frozenset(one.version for one in units),
            industries=frozenset(one.industry for one in units),
        )

    monkeypatch.setattr(ratings_publishing, "tellable", all_cells)
    monkeypatch.setattr(ratings_publishing, "at_least", lambda tenants: tenants)
    assert total(field, now).at_least == 1


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_publishers_see_use_by_industry_where_enough_plants_do(
    field: Field, now: datetime, may: datetime
) -> None:
    plants = [field.plant("C2511") for _ in range(6)] + [field.plant("C3311") for _ in range(3)]
    for plant in plants:
        for hour in range(2):
            field.ran(plant, may + timedelta(hours=hour))
    publisher, stranger = plants[0], plants[1]
    with field.metadata.of(publisher).session() as session:
        session.add(AppTitle(app_id="probe", tenant_id=publisher.tenant_id, first_at=may, uploads=1))
    with (
        field.metadata.of(publisher).session() as session,
        field.metadata.above(Above.RATINGS).session() as above,
    ):
        found = use_of(session, above, publisher, "probe", APPS, now)
        assert [(one.month, one.industry, one.at_least, one.runs) for one in found] == [
            ("2026-05", "*", 5, 18.0)
        ]
    with (
        field.metadata.of(stranger).session() as session,
        field.metadata.above(Above.RATINGS).session() as above,
        pytest.raises(PublishRefused),
    ):
        use_of(session, above, stranger, "probe", APPS, now)


def test_cells_hold_no_number_of_a_tenant(field: Field, now: datetime) -> None:
    for _ in range(5):
        field.cried(field.plant(), "confirmed")
    rating(field, now)
    with field.metadata.above(Above.RATINGS).session() as above:
        rows = above.scalars(select(RatingCell).where(RatingCell.app_id == "probe")).all()
    assert {(row.kind, row.at_least) for row in rows} == {("total", 5), ("version", 5), ("industry", 5)}
    assert not any("tenant" in column.key for column in RatingCell.__table__.columns)
