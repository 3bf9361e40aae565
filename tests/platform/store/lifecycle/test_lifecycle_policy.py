from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_platform.store.lifecycle.policy import (
    Policies,
    Policy,
    PolicyChange,
    PolicyDefaults,
    PolicyRefused,
    change_policy,
    effective,
    is_held,
    operator_scope,
    place_hold,
    read_policy,
    release_hold,
)
from tundish_platform.store.lifecycle.tables import StorePolicy, TenantRemoval
from tundish_platform.tenancy import AccessDenied, Principal, Role
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Town
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

DEFAULTS = PolicyDefaults(rows_per_s=1000.0, raw_days=90, rollup_60_days=400)


def change(town: Town, scope: TenantScope, **values: object) -> Policy:
    with town.metadata.session() as session:
        return change_policy(session, scope, PolicyChange.model_validate(values), DEFAULTS)


def test_a_tenant_without_a_row_has_the_defaults(town: Town) -> None:
    with town.metadata.session() as session:
        found = read_policy(session, town.scope("steel"), DEFAULTS)
    assert (found.rows_per_s, found.burst_rows, found.raw_days, found.rollup_3600_days) == (
        1000,
        60_000,
        90,
        None,
    )
    assert found.hold is None


def test_an_operator_sets_takes_back_and_lifts_limits(town: Town) -> None:
    scope = town.operates("steel")
    assert change(town, scope, rows_per_s=5.0, raw_days=400).burst_rows == 300
    assert change(town, scope, rows_per_s="unlimited").rows_per_s is None
    kept = change(town, scope, rows_per_s=None)
    assert (kept.rows_per_s, kept.raw_days) == (1000, 400), "what was not given stays"
    with town.metadata.session() as session:
        assert session.get(StorePolicy, town.numbers["power"]) is None


def test_who_manages_a_tenant_may_shorten_retention_and_nothing_else(town: Town) -> None:
    owner = town.scope("steel")
    assert change(town, owner, raw_days=30).raw_days == 30
    for values in ({"raw_days": 31}, {"rollup_60_days": "unlimited"}, {"raw_days": None}):
        with pytest.raises(PolicyRefused, match="lengthen"):
            change(town, owner, **values)
    for values in ({"rows_per_s": 1.0}, {"max_bytes": 10}, {"query_s_per_min": 1.0}, {"burst_rows": 1}):
        with pytest.raises(AccessDenied):
            change(town, owner, **values)
    with pytest.raises(AccessDenied):
        change(town, town.scope("steel", Role.ANALYST), raw_days=1)
    with town.metadata.session() as session:
        assert read_policy(session, owner, DEFAULTS).raw_days == 30


def test_levels_stay_at_least_as_long_as_the_finer_ones(town: Town) -> None:
    scope = town.operates("steel")
    with pytest.raises(PolicyRefused, match="longer than"):
        change(town, scope, rollup_60_days=89)
    with pytest.raises(PolicyRefused, match="longer than"):
        change(town, scope, rollup_3600_days=399)
    with pytest.raises(ValidationError, match="longer"):
        PolicyDefaults(raw_days=2, rollup_60_days=1)


@pytest.mark.parametrize("value", [0, -1, 1.5, "for ever", 10**9])
def test_days_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        PolicyChange.model_validate({"raw_days": value})


def test_only_an_operator_holds_and_releases(town: Town) -> None:
    operator, number = town.operates("steel"), town.numbers["steel"]
    with town.metadata.session() as session:
        for scope in (town.scope("steel"), town.scope("steel", Role.VIEWER)):
            with pytest.raises(AccessDenied):
                place_hold(session, scope, "case 7")
            with pytest.raises(AccessDenied):
                release_hold(session, scope)
        with pytest.raises(PolicyRefused, match="reason"):
            place_hold(session, operator, "  ")
        assert release_hold(session, operator) is False
        place_hold(session, operator, "case 7")
    with town.metadata.session() as session:
        assert is_held(session, number)
        hold = read_policy(session, operator, DEFAULTS).hold
        assert hold is not None
        assert (hold.reason, hold.by) == ("case 7", "operator")
        assert release_hold(session, operator) is True
        assert not is_held(session, number)


def test_a_tenant_that_is_being_removed_cannot_be_held_any_more(town: Town) -> None:
    removal = TenantRemoval(
        tenant_id=town.numbers["steel"], slug="steel", slug_digest="", step="log", reason="", started_by="",
        started_at=datetime.now(UTC),
    )  # fmt: skip
    with town.metadata.session() as session:
        session.add(removal)
    with town.metadata.session() as session, pytest.raises(PolicyRefused, match="being removed"):
        place_hold(session, town.operates("steel"), "too late")


def test_a_removal_of_another_tenant_hinders_no_hold(town: Town) -> None:
    removal = TenantRemoval(
        tenant_id=town.numbers["steel"], slug="steel", slug_digest="", step="log", reason="", started_by="",
        started_at=datetime.now(UTC),
    )  # fmt: skip
    with town.metadata.session() as session:
        session.add(removal)
    with town.metadata.session() as session:
        place_hold(session, town.operates("power"), "case 8")
    with town.metadata.session() as session:
        held = {slug: is_held(session, number) for slug, number in town.numbers.items()}
    assert held == {"steel": False, "power": True}


@pytest.mark.parametrize(
    "ask",
    [
        lambda session, scope: change_policy(session, scope, PolicyChange(raw_days=1), DEFAULTS),
        lambda session, scope: place_hold(session, scope, "case 7"),
        release_hold,
    ],
)
def test_nothing_is_done_for_a_tenant_that_is_gone(
    town: Town, ask: Callable[[Session, TenantScope], object]
) -> None:
    """While others are still there."""
    operator = town.operates("power")
    with town.metadata.session() as session:
        session.delete(session.get_one(Tenant, town.numbers["power"]))
    with town.metadata.session() as session, pytest.raises(AccessDenied, match="gone"):
        ask(session, operator)


def test_a_policy_is_shown_to_who_manages_or_operates_and_changed_by_who_has_all_signals(town: Town) -> None:
    owner = town.scope("power")
    with town.metadata.session() as session:
        for role in (Role.ANALYST, Role.VIEWER, Role.COLLECTOR):
            with pytest.raises(AccessDenied):
                read_policy(session, town.scope("power", role), DEFAULTS)
        assert read_policy(session, town.operates("power"), DEFAULTS).raw_days == 90
    with pytest.raises(AccessDenied):
        change(town, owner.narrowed(frozenset({1}), owner.permissions), raw_days=1)
    assert change(town, owner, raw_days=1).raw_days == 1


def test_an_operators_scope_is_for_operators_and_opens_no_samples(town: Town) -> None:
    with town.metadata.session() as session:
        with pytest.raises(AccessDenied):
            operator_scope(session, Principal(1, "owner", {"steel": (1, frozenset({Role.OWNER}))}), "steel")
        with pytest.raises(AccessDenied):
            operator_scope(session, town.operator, "nobody")
        assert {p.value for p in operator_scope(session, town.operator, "steel").permissions} == {"operate"}


def test_policies_answer_from_memory_and_follow_at_a_refresh(town: Town) -> None:
    policies = Policies(town.metadata, DEFAULTS)
    number = town.numbers["steel"]
    change(town, town.operates("steel"), rows_per_s=7.0)
    assert policies.of(number).rows_per_s == 1000
    policies.refresh()
    assert policies.of(number).rows_per_s == 7
    assert policies.of(town.numbers["power"]) == effective(None, DEFAULTS)
