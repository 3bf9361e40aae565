"""Rows of a tenant that name another's subscription: nobody writes them, and each function passes them by.

Numbers of subscriptions are unique over all tenants, and yet no number is taken on trust.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    Act,
    NotSubscribed,
    changes_of,
    give_grant,
    grant_signals,
    halts,
    recorded_runs,
    runs,
    stop,
    subscribe,
    subscription_of,
    subscriptions,
    uses_between,
    withdraw_grant,
)
from tundish_platform.marketplace.billing.usage import usage_of_month
from tundish_platform.marketplace.changes import keep_change_of
from tundish_platform.marketplace.halting import FAILURES, _last_outcomes
from tundish_platform.marketplace.mapping import _grant, confirm, confirmed
from tundish_platform.marketplace.models import AppHalt, AppRun, Grant, SubscriptionChange
from tundish_platform.marketplace.record_models import RecordGrant
from tundish_platform.marketplace.records.consent import _standing, _withdraw
from tundish_platform.marketplace.subscriptions import output_signals
from tundish_platform.samples import SignalRole, SignalSpec
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import Catalogue
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINES = ("S/A/L1", "S/A/L2")


class Plants:
    """Two tenants with the same app on the same two lines, whose signals have each other's numbers."""

    def __init__(self, metadata: Metadata, catalogue: Catalogue) -> None:
        self.metadata, self.catalogue = metadata, catalogue
        self.mine, self.theirs = self._plant("plant-a", LINES), self._plant("plant-b", LINES[::-1])
        self.number = self.subscribe(self.mine)

    def _plant(self, slug: str, lines: tuple[str, ...]) -> TenantScope:
        specs = [
            SignalSpec(path=f"{line}/M/C/P", name_zh="压", name_en="P", semantic="pressure.hydraulic")
            for line in lines
        ]
        with self.metadata.session() as session:
            number = create_tenant(session, slug, "厂", "Plant").id
            roles = frozenset({Role.OWNER, Role.ANALYST})
            scope = access_tenant(Principal(1, "tester", {slug: (number, roles)}), slug, Permission.SUBSCRIBE)
            for spec in specs:
                upsert_signals(session, scope, "opc", [spec])
        return scope

    def subscribe(self, scope: TenantScope, at: datetime = NOW) -> int:
        with self.metadata.session() as session:
            return subscribe(
                session, scope, self.catalogue, "quiet", list_signals(session, scope)[:1], now=at
            ).id

    def stray(self, session: Session, table: type[Any], **values: object) -> int:
        """Number of a new row of the neighbour's that names my subscription."""
        row = table(tenant_id=self.theirs.tenant_id, subscription_id=self.number, **values)
        session.add(row)
        session.flush()
        number: int = row.id
        return number


@pytest.fixture
def plants(new_sqlite: Callable[[], Metadata], shelf: Catalogue) -> Plants:
    """On SQLite, where the filter of each query is the only guard."""
    return Plants(new_sqlite(), shelf)


def run_of(outcome: str, at: datetime = NOW) -> dict[str, object]:
    return {
        "app_id": "quiet", "app_version": "0.1.0", "started_at": at, "window_start": at, "window_end": at,
        "seconds": 1.0, "rows_in": 1, "values_out": 0, "isolation": "bubblewrap", "filtered": True,
        "outcome": outcome, "message_zh": "", "message_en": "",
    }  # fmt: skip


HALT = {
    "app_id": "quiet",
    "app_version": "0.1.0",
    "failures": FAILURES,
    "outcome": "failed",
    "halted_at": NOW,
}
CHANGE = {"at": NOW, "by": "x", "act": "paused", "running": False, "plan": "", "plan_kind": "free", "fen": 0,
          "detail": {}}  # fmt: skip
CONSENT = {"kind": "maintenance", "fields": [], "granted_at": NOW, "granted_by": "x"}


def test_a_subscription_is_seen_without_stray_rows(plants: Plants) -> None:
    with plants.metadata.session() as session:
        before = subscription_of(session, plants.mine, "quiet"), changes_of(session, plants.mine, "quiet")
        plants.stray(session, Grant, signal_id=2, granted_at=NOW)
        plants.stray(session, RecordGrant, **CONSENT)
        plants.stray(session, SubscriptionChange, **CHANGE)
        plants.stray(session, AppRun, **run_of("failed"))
        plants.stray(session, AppHalt, **HALT)
        after = subscription_of(session, plants.mine, "quiet"), changes_of(session, plants.mine, "quiet")
        assert after == before
        assert halts(session, plants.mine) == {}
        assert _last_outcomes(session, plants.mine, plants.number, "0.1.0") == []
        assert _standing(session, plants.mine, plants.number) == []
        assert uses_between(session, plants.mine, NOW - HOUR, NOW + HOUR) == []
        # Nor does the neighbour, whose rows they are, see the subscription by them.
        assert changes_of(session, plants.theirs, "quiet") == []
        assert halts(session, plants.theirs) == {}
        assert subscriptions(session, plants.theirs, stopped=True) == []
        with pytest.raises(NotSubscribed):
            subscription_of(session, plants.theirs, "quiet")


def test_runs_are_counted_since_the_own_restart_and_used_with_the_own_grants(plants: Plants) -> None:
    with plants.metadata.session() as session:
        plants.stray(session, AppHalt, **HALT, cleared_at=NOW + HOUR, cleared_by="x")
        plants.stray(session, Grant, signal_id=2, granted_at=NOW)
        row = AppRun(tenant_id=plants.mine.tenant_id, subscription_id=plants.number, **run_of("ok"))
        session.add(row)
        session.flush()
        assert _last_outcomes(session, plants.mine, plants.number, "0.1.0") == ["ok"]
        assert uses_between(session, plants.mine, NOW, NOW + HOUR) == [(NOW, frozenset({1}), "quiet")]


def test_usage_is_of_the_own_subscriptions(plants: Plants) -> None:
    """The neighbour has a change and a run that name my subscription, and no subscription."""
    zone = ZoneInfo("Asia/Shanghai")
    with plants.metadata.session() as session:
        plants.stray(session, SubscriptionChange, **CHANGE | {"act": "subscribed", "running": True})
        plants.stray(session, AppRun, **run_of("ok"))
        month, later = NOW.date(), NOW + 48 * HOUR
        assert usage_of_month(session, plants.theirs, month, zone, later) == []
        (app,) = {day.app for day in usage_of_month(session, plants.mine, month, zone, later)}
        assert app == "quiet"


def test_what_is_done_to_a_subscription_leaves_stray_rows_as_they_are(plants: Plants) -> None:
    with plants.metadata.session() as session:
        first = plants.stray(session, Grant, signal_id=1, granted_at=NOW)
        second = plants.stray(session, Grant, signal_id=2, granted_at=NOW)
        consent = plants.stray(session, RecordGrant, **CONSENT)
        signals = list_signals(session, plants.mine)
        assert withdraw_grant(session, plants.mine, "quiet", 1, NOW).signals == ()
        assert give_grant(session, plants.mine, plants.catalogue, "quiet", signals[1], NOW).signals == (2,)
        _grant(session, plants.mine, "quiet", {1, 2}, NOW)
        assert subscription_of(session, plants.mine, "quiet").signals == (1, 2)
        _grant(session, plants.mine, "quiet", {2}, NOW)
        _withdraw(session, plants.mine, plants.number, ["maintenance"], NOW)
        assert stop(session, plants.mine, "quiet", NOW + HOUR)
    with plants.metadata.session() as session:
        for table, number in ((Grant, first), (Grant, second), (RecordGrant, consent)):
            assert session.scalar(select(table.withdrawn_at).where(table.id == number)) is None
        with pytest.raises(NoResultFound):
            keep_change_of(session, plants.theirs.tenant_id, plants.number, Act.PAUSED, "x", NOW)


def test_runs_and_outputs_are_listed_for_their_tenant(plants: Plants) -> None:
    output = SignalSpec(
        path="Apps/quiet/number", name_zh="数", name_en="n", semantic="app.quiet.number",
        role=SignalRole.OUTPUT,
    )  # fmt: skip
    with plants.metadata.session() as session:
        own = AppRun(tenant_id=plants.mine.tenant_id, subscription_id=plants.number, **run_of("ok"))
        session.add(own)
        ids = upsert_signals(session, plants.theirs, "app:quiet", [output])
        assert len(runs(session, plants.mine)) == len(recorded_runs(session, plants.mine, None, 0, 9)) == 1
        assert runs(session, plants.theirs) == recorded_runs(session, plants.theirs, None, 0, 9) == []
        assert output_signals(session, plants.mine, "quiet") == []
        assert output_signals(session, plants.theirs, "quiet") == list(ids.values())


def test_who_reaches_some_signals_only_is_told_of_no_others(plants: Plants) -> None:
    manifest = plants.catalogue.app("quiet").manifest
    narrow = plants.mine.narrowed(frozenset({2}), frozenset({Permission.READ}))
    with plants.metadata.session() as session:
        confirm(session, plants.mine, manifest, {"any": [1, 2]}, list_signals(session, plants.mine), NOW)
        assert [one.signal for one in confirmed(session, plants.mine, "quiet")] == [1, 2]
        assert [one.signal for one in confirmed(session, narrow, "quiet")] == [2]
        assert grant_signals(session, plants.mine, "quiet") == {1, 2}
        assert grant_signals(session, narrow, "quiet") == {2}


def test_a_line_s_people_see_what_reads_at_their_line_whatever_lies_there_at_a_neighbour(
    plants: Plants,
) -> None:
    """My app reads the first signal: at L1 here, at L2 there."""

    def at(line: str) -> TenantScope:
        who = Principal(
            2, "li", {"plant-a": (plants.mine.tenant_id, frozenset())},
            placed={"plant-a": frozenset({(Role.VIEWER, line)})},
        )  # fmt: skip
        return access_tenant(who, "plant-a", Permission.READ)

    with plants.metadata.session() as session:
        plants.stray(session, Grant, signal_id=2, granted_at=NOW)
        seen = [[one.id for one in subscriptions(session, at(line))] for line in LINES]
    assert seen == [[plants.number], []]
