"""What people found: kept with its history, and counted by model version."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from tundish_platform.alerts import (
    FeedbackRefused,
    FeedbackSpec,
    UnknownAlert,
    feedback_of,
    find_alert,
    give_feedback,
    outcomes_of,
    take_alert,
)
from tundish_platform.alerts.outcomes import wilson
from tundish_platform.audit.models import AuditEntry
from tundish_platform.tenancy import AccessDenied, Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import Shop

    from tundish_platform.samples import AlertReport


def filled(shop: Shop, now: datetime, *reports: AlertReport) -> None:
    with shop.metadata.session() as session:
        for report in reports:
            take_alert(session, shop.worker, report, now)


def say(shop: Shop, now: datetime, alert: int, verdict: str, **more: object) -> None:
    spec = FeedbackSpec.model_validate({"verdict": verdict, **more})
    with shop.metadata.session() as session:
        give_feedback(session, shop.shift, alert, spec, now)


def test_feedback_stays_on_record_and_the_newest_counts(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    filled(shop, now, make_alert(120))
    say(shop, now, 1, "unclear", note="没看到")
    found = now - timedelta(minutes=30)
    say(shop, now, 1, "confirmed", found_at=found, avoided_cost=1500.5, note="散热片堵塞")
    with shop.metadata.session() as session:
        newest = find_alert(session, shop.viewer, 1).feedback
        history = feedback_of(session, shop.viewer, 1)
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.judged")).all()
    assert newest == history[-1]
    assert [one.verdict for one in history] == ["unclear", "confirmed"]
    assert (history[1].lead_s, history[1].avoided_cost, history[1].currency) == (5400.0, 1500.5, "CNY")
    assert (history[1].by, history[1].at, history[0].note) == (shop.shift.principal, now, "没看到")
    assert [(one.subject, one.actor) for one in audited] == [("alert/1", shop.shift.principal)] * 2


def test_a_fault_found_before_its_alert_has_no_lead_to_boast_of(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    filled(shop, now, make_alert(60))
    say(shop, now, 1, "confirmed", found_at=now - timedelta(minutes=90))
    with shop.metadata.session() as session:
        assert outcomes_of(session, shop.viewer).total.lead_median_s == -1800.0


def test_who_may_not_handle_the_line_says_nothing(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    filled(shop, now, make_alert())
    spec = FeedbackSpec.model_validate({"verdict": "false"})
    with shop.metadata.session() as session:
        for scope in (shop.viewer, shop.worker):
            with pytest.raises(AccessDenied):
                give_feedback(session, scope, 1, spec, now)
        for scope in (shop.stranger, shop.at(Role.SHIFT_OPERATOR, "S/B")):
            with pytest.raises(UnknownAlert):
                give_feedback(session, scope, 1, spec, now)
        assert give_feedback(session, shop.at(Role.SHIFT_OPERATOR, "S/A"), 1, spec, now).verdict == "false"
        assert outcomes_of(session, shop.stranger).total.alerts == 0
        assert outcomes_of(session, shop.at(Role.VIEWER, "S/B")).versions == []


def test_what_contradicts_itself_is_refused(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    filled(shop, now, make_alert())
    with pytest.raises(FeedbackRefused, match="future"):
        say(shop, now, 1, "confirmed", found_at=now + timedelta(seconds=1))
    for wrong in (
        {"verdict": "false", "avoided_cost": 5}, {"verdict": "unclear", "found_at": now},
        {"verdict": "maybe"}, {"verdict": "confirmed", "avoided_cost": -1},
        {"verdict": "confirmed", "avoided_cost": float("inf")}, {"verdict": "confirmed", "currency": "USD"},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            FeedbackSpec.model_validate(wrong)
    with shop.metadata.session() as session:
        assert feedback_of(session, shop.viewer, 1) == []


def test_outcomes_count_each_alert_once_by_its_newest_word(
    shop: Shop, now: datetime, make_alert: Callable[..., AlertReport]
) -> None:
    closed = now - timedelta(minutes=95)
    filled(shop, now, *(make_alert(100, 95, closed_at=closed, target=f"t{n}") for n in range(6)),
           make_alert(90, version="v2"))  # fmt: skip
    for alert, minutes in ((1, 10.0), (2, 20.0), (3, 60.0)):
        found = now - timedelta(minutes=100 - minutes)
        say(shop, now, alert, "confirmed", found_at=found, avoided_cost=100.0)
    say(shop, now, 4, "confirmed", avoided_cost=7.0)
    say(shop, now, 4, "false")
    say(shop, now, 5, "unclear")
    with shop.metadata.session() as session:
        found = outcomes_of(session, shop.viewer)
        first, second = found.versions
        assert (found.total.alerts, found.total.open, found.total.answered) == (7, 1, 5)
        assert (first.version, first.alerts, first.confirmed, first.false, first.unclear) == (
            "v1",
            6,
            3,
            1,
            1,
        )
        assert (first.precision, first.answered_share) == (0.75, 5 / 6)
        assert (first.precision_low, first.precision_high) == pytest.approx((0.3006, 0.9544), abs=1e-4)
        assert (first.lead_q1_s, first.lead_median_s, first.lead_q3_s) == (900.0, 1200.0, 2400.0)
        # A cost that was taken back with the verdict counts no more.
        assert (first.leads, first.avoided_cost, first.currency) == (3, 300.0, "CNY")
        assert (second.version, second.precision, second.answered_share) == ("v2", None, 0.0)
        assert outcomes_of(session, shop.viewer, model="none").total.alerts == 0
        later = outcomes_of(session, shop.viewer, start=now - timedelta(minutes=95), end=now, line="S/A/L")
        assert [one.version for one in later.versions] == ["v2"]


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    # R. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(hits: int, cases: int, low: float, high: float) -> None:
    assert wilson(hits, cases) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) == (None, None)
