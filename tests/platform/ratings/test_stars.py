"""Stars come from plants that ran the app, one each; everybody reads them without whose they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_platform.ratings import (
    FailureRefused,
    FailureSpec,
    StarsRefused,
    StarsSpec,
    UnknownFailure,
    UnknownStars,
    failures,
    give_stars,
    hide_stars,
    own_stars,
    report_failure,
    said_of,
    stars_of,
    take_failure_back,
    take_stars_back,
)
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from datetime import datetime

    from conftest import Field

    from tundish_platform.ratings import Said, Stars
    from tundish_platform.tenancy import TenantScope

OPERATOR = Principal(7, "Operator", roles=frozenset({Role.PLATFORM_OPERATOR}), person=True)


def give(field: Field, scope: TenantScope, stars: int, text: str, now: datetime) -> Said:
    with field.metadata.of(scope).session() as session:
        return give_stars(session, scope, "probe", StarsSpec(stars=stars, text=text), now)


def seen(field: Field, *, hidden: bool = False) -> tuple[Stars, list[tuple[int, str]]]:
    with field.metadata.above(Above.RATINGS).session() as above:
        said = said_of(above, "probe", hidden=hidden, before=0, limit=50)
        return stars_of(above, ["probe"])["probe"], [(one.stars, one.text) for one in said]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_who_ran_the_app_gives_stars_once_changes_them_and_takes_them_back(
    field: Field, now: datetime, may: datetime
) -> None:
    first, second, idle = field.plant(), field.plant(), field.plant()
    for scope in (first, second):
        field.ran(scope, may)
    field.ran(idle, may, outcome="failed")
    assert give(field, first, 5, "好 <b>x</b>", now).version == "1.0.0"
    give(field, second, 2, "", now)
    assert give(field, first, 4, "still good", now).stars == 4
    stars, said = seen(field)
    assert (stars.mean, stars.counts) == (3.0, (0, 1, 0, 1, 0))
    assert sorted(said) == [(2, ""), (4, "still good")]
    with pytest.raises(StarsRefused):
        give(field, idle, 1, "never ran", now)
    with field.metadata.of(first).session() as session:
        assert own_stars(session, first, "probe").may
        take_stars_back(session, first, "probe", now)
        assert own_stars(session, first, "probe").said is None
    with field.metadata.of(idle).session() as session:
        assert not own_stars(session, idle, "probe").may
    # The neighbour's stay, and are the neighbour's alone.
    assert seen(field)[1] == [(2, "")]
    with field.metadata.of(second).session() as session:
        own = own_stars(session, second, "probe").said
    assert own is not None
    assert own.stars == 2


def test_one_plants_run_lets_no_other_plant_speak(field: Field, now: datetime, may: datetime) -> None:
    ran, never = field.plant(), field.plant()
    field.ran(ran, may)
    # On a session that reaches both, so that the statement itself has to name the tenant.
    with field.metadata.above(Above.OPERATOR).session() as session, pytest.raises(StarsRefused):
        give_stars(session, never, "probe", StarsSpec(stars=1), now)
    with field.metadata.above(Above.OPERATOR).session() as session:
        give_stars(session, ran, "probe", StarsSpec(stars=3), now)
        assert own_stars(session, never, "probe").said is None
        take_stars_back(session, never, "probe", now)
        assert own_stars(session, ran, "probe").said is not None


@pytest.mark.parametrize("stars", [0, 6, 4.5, True])
def test_stars_are_one_to_five(stars: object) -> None:
    with pytest.raises(ValidationError):
        StarsSpec.model_validate({"stars": stars})


def test_what_an_operator_hides_is_seen_by_author_and_operator_only(
    field: Field, now: datetime, may: datetime
) -> None:
    scope = field.plant()
    field.ran(scope, may)
    number = give(field, scope, 1, "an insult", now).id
    with field.metadata.above(Above.RATINGS).session() as above:
        assert hide_stars(above, OPERATOR, number, "insult", now).hidden_because == "insult"
        with pytest.raises(UnknownStars):
            hide_stars(above, OPERATOR, number + 1, "insult", now)
        with pytest.raises(AccessDenied):
            hide_stars(above, Principal(8, "Somebody"), number, "insult", now)
    stars, said = seen(field)
    assert (stars.mean, said) == (None, [])
    assert seen(field, hidden=True)[1] == [(1, "an insult")]
    # Writing anew does not bring it back.
    assert give(field, scope, 2, "again", now).hidden_because == "insult"
    assert seen(field)[1] == []
    with field.metadata.above(Above.RATINGS).session() as above:
        hide_stars(above, OPERATOR, number, "", now)
    assert seen(field)[1] == [(2, "again")]


def test_failures_are_each_tenants_own_and_where_the_person_may_handle(field: Field, now: datetime) -> None:
    scope, neighbour = field.plant(), field.plant()
    spec = FailureSpec(path="S/A/L1/M1", failed_at=now, note="bearing seized")
    with field.metadata.above(Above.OPERATOR).session() as session:
        kept = report_failure(session, scope, spec, now)
        assert [one.note for one in failures(session, scope, 0, 50)] == ["bearing seized"]
        assert failures(session, neighbour, 0, 50) == []
        with pytest.raises(UnknownFailure):
            take_failure_back(session, neighbour, kept.id, now)
        with pytest.raises(FailureRefused):
            report_failure(session, scope, spec.model_copy(update={"failed_at": now + timedelta(1)}), now)
        with pytest.raises(FailureRefused):
            report_failure(session, scope, spec.model_copy(update={"path": "S/A/L1/M9"}), now)
        take_failure_back(session, scope, kept.id, now)
        assert failures(session, scope, 0, 50) == []


def test_a_person_limited_to_another_line_neither_reports_nor_sees(field: Field, now: datetime) -> None:
    scope = field.plant()
    placed = Principal(
        9, "placed", {scope.slug: (scope.tenant_id, frozenset())},
        placed={scope.slug: frozenset({(Role.SHIFT_OPERATOR, "S/A/L2")})},
    )  # fmt: skip
    elsewhere = access_tenant(placed, scope.slug, Permission.READ)
    spec = FailureSpec(path="S/A/L1/M1", failed_at=now)
    with field.metadata.of(scope).session() as session:
        kept = report_failure(session, scope, spec, now)
        assert failures(session, elsewhere, 0, 50) == []
        with pytest.raises(AccessDenied):
            report_failure(session, elsewhere, spec, now)
        with pytest.raises(UnknownFailure):
            take_failure_back(session, elsewhere, kept.id, now)
