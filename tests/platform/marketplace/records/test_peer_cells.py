"""The peer comparison under attack: no cell below six, none overlaps, none changes, none of made-up firms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_platform.marketplace import subscribe
from tundish_platform.marketplace.records import consent_to, records_scope
from tundish_platform.programme.models import Enterprise
from tundish_platform.records.cells import ALL, LEAST, partition, quartiles
from tundish_platform.records.peers import give_figures, month_before, month_of, peers
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import Catalogue
    from tundish_platform.tenancy.metadata import Metadata

MARCH, APRIL, MAY = (datetime(2026, month, 10, tzinfo=UTC) for month in (3, 4, 5))
ROLES = frozenset({Role.OWNER, Role.ANALYST})


class Town:
    """Enterprises with a tenant each, all of which agreed to be compared unless said otherwise."""

    def __init__(self, session: Session, catalogue: Catalogue) -> None:
        self.session, self.catalogue, self.count = session, catalogue, 0

    def firm(
        self, value: float, *, size: str = "small", industry: str = "C3130", registered: bool = True,
        demo: bool = True, at: datetime = MARCH,
    ) -> TenantScope:  # fmt: skip
        self.count += 1
        slug = f"firm-{self.count}"
        row = create_tenant(self.session, slug, "厂", slug)
        if registered:
            named = {"name_zh": "厂", "name_en": slug, "industry": industry, "region": "431382"}
            self.session.add(
                Enterprise(
                    uscc=f"U{self.count}",
                    demo=demo,
                    tenant=row.id,
                    registered_at=at,
                    hours_week=168.0,
                    **named,
                )
            )
        who = Principal(1, slug, {slug: (row.id, ROLES)}, person=True)
        scope = access_tenant(who, slug, Permission.READ)
        subscribe(self.session, scope, self.catalogue, "reader", ())
        self.consent(scope, ["peers"])
        self.give(scope, value, size, at)
        return self.narrowed(scope)

    def consent(self, scope: TenantScope, kinds: list[str]) -> None:
        consent_to(self.session, scope, self.catalogue.app("reader").manifest, kinds)

    def narrowed(self, scope: TenantScope) -> TenantScope:
        return records_scope(self.session, scope, "reader", "peers")[0]

    def give(self, scope: TenantScope, value: float, size: str = "small", at: datetime = MARCH) -> None:
        give_figures(self.session, self.narrowed(scope), {"oee": value}, size, at)

    def oee(self, scope: TenantScope, now: datetime = APRIL) -> dict[str, Any]:
        (found,) = [row for row in peers(self.session, scope, now) if row["figure"] == "oee"]
        return found


@pytest.fixture
def town(new_sqlite: Callable[[], Metadata], catalogue: Catalogue) -> Any:  # noqa: ANN401 - a generator's
    with new_sqlite().session() as session:
        yield Town(session, catalogue)


def test_below_six_nothing_is_told_and_from_six_on_rounded_means_of_three(town: Town) -> None:
    firms = [town.firm(0.5 + n / 100) for n in range(5)]
    assert town.oee(firms[0])["reason"] == "few"
    again = [town.firm(0.5 + n / 100, industry="C3972") for n in range(6)]
    # February gave nothing; of March's cells the first look decided, so look a month later.
    for n, scope in enumerate(again):
        give_figures(town.session, scope, {"oee": 0.5 + n / 100}, "small", APRIL)
    found = town.oee(again[0], MAY)
    assert (found["industry"], found["size"], found["at_least"]) == ("C39", "small", 6)
    # Of 0.50 to 0.55: means of the 1st to 3rd, 2nd to 4th and 4th to 6th, to two digits.
    assert (found["q1"], found["median"], found["q3"]) == (0.51, 0.52, 0.54)


def test_what_one_enterprise_changes_in_its_own_figure_is_hidden_by_two_others() -> None:
    values = np.array([0.402, 0.431, 0.477, 0.498, 0.536, 0.581, 0.637, 0.689, 0.701])
    told = quartiles(list(values))
    assert told is not None
    assert not {told.q1, told.median, told.q3} & set(values.tolist())
    assert quartiles(list(values[: LEAST - 1])) is None


def test_cells_never_overlap_and_none_is_small_whatever_the_town() -> None:
    """The nesting attack needs two cells, one within the other; here every enterprise lies in one at most."""
    chance = np.random.default_rng(4)
    for _ in range(300):
        sizes = chance.choice(["micro", "small", "medium", "large", ""], chance.integers(1, 60))
        industries = chance.choice(["C31", "C39", "C17"], sizes.size, p=[0.6, 0.3, 0.1])
        members = [(str(i), str(s), float(n)) for n, (i, s) in enumerate(zip(industries, sizes, strict=True))]
        cells = partition(members)
        told = [value for values in cells.values() for value in values]
        assert len(told) == len(set(told)), "an enterprise in two cells"
        assert all(len(values) >= LEAST for values in cells.values())
        for industry in ("C31", "C39", "C17"):
            inside = {int(v) for v in range(len(members)) if members[v][0] == industry}
            alone = {int(v) for (i, s), values in cells.items() for v in values if i == industry and s != ALL}
            # Whoever knows the industry's total by other means learns nothing of fewer than six.
            assert not alone or not inside - alone or len(inside - alone) >= LEAST


def test_the_nesting_attack_finds_the_rest_of_an_industry_merged(town: Town) -> None:
    small = [town.firm(0.5, size="small") for _ in range(7)]
    large = [town.firm(0.9, size="large") for _ in range(2)]
    cells = {(town.oee(scope)["industry"], town.oee(scope)["size"]) for scope in (*small, *large)}
    assert cells == {("C31", ALL)}, "a cell of the small ones alone would tell of the two large ones"


def test_all_in_a_cell_see_the_same_so_putting_heads_together_tells_nothing(town: Town) -> None:
    firms = [town.firm(0.4 + n / 20) for n in range(8)]
    assert len({str(town.oee(scope)) for scope in firms}) == 1


def test_a_month_that_was_published_stays_when_somebody_leaves_joins_or_changes(town: Town) -> None:
    firms = [town.firm(0.4 + n / 20) for n in range(8)]
    before = town.oee(firms[0])
    leaving = access_tenant(
        Principal(1, "x", {"firm-8": (firms[7].tenant_id, ROLES)}, person=True), "firm-8", Permission.READ
    )
    town.consent(leaving, [])
    late = town.firm(9.9e-3)
    give_figures(town.session, firms[1], {"oee": 0.01}, "small", APRIL)
    assert town.oee(firms[0]) == before
    assert town.oee(late) == before, "it gave in March, so it lies in the cell that was published"


def test_who_left_before_the_month_was_published_is_not_in_it(town: Town) -> None:
    firms = [town.firm(0.4) for _ in range(6)]
    scope = access_tenant(
        Principal(1, "x", {"firm-6": (firms[5].tenant_id, ROLES)}, person=True), "firm-6", Permission.READ
    )
    town.consent(scope, [])
    assert town.oee(firms[0])["reason"] == "few"


def test_made_up_tenants_make_up_no_peers_and_see_none(town: Town) -> None:
    """One enterprise and five tenants of the attacker's own: the five are on no register."""
    victim = town.firm(0.77)
    fakes = [town.firm(0.5, registered=False) for _ in range(9)]
    assert town.oee(victim)["reason"] == "few"
    assert {town.oee(fake)["reason"] for fake in fakes} == {"not_registered"}


def test_fictional_enterprises_are_never_mixed_with_real_ones(town: Town) -> None:
    fictional = [town.firm(0.5) for _ in range(5)]
    real = [town.firm(0.5, demo=False) for _ in range(6)]
    assert town.oee(fictional[0])["reason"] == "few"
    assert town.oee(real[0])["at_least"] == 6


def test_who_gives_nothing_sees_nothing(town: Town) -> None:
    for _ in range(6):
        town.firm(0.5)
    late = town.firm(0.5, at=APRIL)
    assert town.oee(late)["reason"] == "not_given"


def test_only_the_narrowed_scope_gives_and_reads(town: Town) -> None:
    firm = town.firm(0.5)
    whole = access_tenant(
        Principal(1, "x", {"firm-1": (firm.tenant_id, ROLES)}, person=True), "firm-1", Permission.READ
    )
    with pytest.raises(AccessDenied):
        give_figures(town.session, whole, {"oee": 0.5}, "", MARCH)
    with pytest.raises(AccessDenied):
        peers(town.session, whole, APRIL)


def test_impossible_and_unknown_figures_are_not_taken(town: Town) -> None:
    firm = town.firm(0.5)
    given = {"oee": 7.0, "fpy": -0.1, "mtbf_h": 12.0, "salary": 1.0, "kwh_per_piece": float("nan")}
    assert give_figures(town.session, firm, given, "huge", MARCH) == ["mtbf_h"]


def test_months_are_those_of_the_programmes_zone() -> None:
    last = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    assert [month_of(at) for at in (last, last + timedelta(minutes=1))] == ["2026-03", "2026-04"]
    assert [month_before(at) for at in (last, last + timedelta(minutes=1))] == ["2026-02", "2026-03"]
    assert all(month_before(b) == month_of(a) for a, b in pairwise((MARCH, APRIL, MAY)))
