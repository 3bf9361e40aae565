"""What the bureau may know of its vouchers: what it gave, and sums that tell of no single enterprise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tundish_platform.api.adoption import UnknownEnterprise
from tundish_platform.api.errors import Problem
from tundish_platform.api.vouchers import give_voucher, voucher_sums, vouchers_issued
from tundish_platform.marketplace.billing.models import Voucher
from tundish_platform.marketplace.billing.vouchers import VoucherTerms
from tundish_platform.programme.models import Enterprise
from tundish_platform.tenancy import Principal, Role
from tundish_platform.tenancy.accounts import create_tenant, create_user
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import SESSION_PREFIX, open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.api.vouchers import VoucherTotals
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 6, 15, tzinfo=UTC)
OFFICER = Principal(9, "officer", {}, frozenset({Role.BUREAU_OFFICER}))
# Enterprises by county: two of them are large enough, one of those only if it need not hide the small one.
COUNTIES = {"A": 5, "B": 1, "C": 7}


def terms(fen: int, to: str = "2026-12-31") -> VoucherTerms:
    said = {"amount_fen": fen, "valid_from": "2026-01-01", "valid_to": to, "purpose": "p"}
    return VoucherTerms.model_validate(said)


@pytest.fixture
def city(new_sqlite: Callable[[], Metadata]) -> Metadata:
    """Each enterprise has a voucher of 100 fen of which 30 were redeemed; those of B have expired."""
    metadata = new_sqlite()
    with metadata.session() as session:
        for county, count in COUNTIES.items():
            for n in range(count):
                tenant = create_tenant(session, f"plant-{county.lower()}-{n}", "厂", "Plant")
                session.add(
                    Enterprise(
                        uscc=f"{county}{n}", name_zh="厂", name_en="Plant", industry="C3130", region=county,
                        demo=True, tenant=tenant.id, registered_at=NOW,
                    )
                )  # fmt: skip
                session.flush()
                ends = "2026-02-01" if county == "B" else "2026-12-31"
                give_voucher(session, OFFICER, f"{county}{n}", terms(100, ends), NOW)
        session.execute(update(Voucher).values(left_fen=70))
    return metadata


SECRET = b"of the test"


def shown(city: Metadata, secret: bytes | None = SECRET) -> VoucherTotals:
    with city.session() as session:
        return voucher_sums(session, date(2026, 6, 15), secret)


def test_sums_are_rounded_and_small_cells_withheld(city: Metadata) -> None:
    sums = shown(city)
    assert sums.rounded_to_fen == 100
    assert [one.key for one in sums.by_region] == ["A", "B", "C"]
    hidden = sums.by_region[1]
    assert (hidden.suppressed, hidden.enterprises, hidden.issued_fen, hidden.expired_fen) == (
        True,
        None,
        None,
        None,
    )
    for one, true, count in (
        (sums.total, 1300, 13),
        (sums.by_region[0], 500, 5),
        (sums.by_region[2], 700, 7),
    ):
        assert one.issued_fen is None or (one.issued_fen % 100, abs(one.issued_fen - true) < 100) == (0, True)
        assert (one.enterprises % 5, abs(one.enterprises - count) < 5) == (0, True)
    assert sums.total.issued_fen is not None, "the rule does not pass by silence"
    assert sums.total.expired_fen is None, "one enterprise alone is all that expired"


def test_the_total_of_few_enterprises_is_hidden_too_and_without_a_secret_all_is(city: Metadata) -> None:
    without = shown(city, None)
    assert all(one.suppressed for one in (without.total, *without.by_region, *without.by_industry))
    with city.session() as session:
        session.execute(update(Enterprise).where(Enterprise.region != "B").values(tenant=None))
    sums = shown(city)
    assert (sums.total.suppressed, sums.total.issued_fen) == (True, None)
    assert [one.suppressed for one in sums.by_region] == [True]


def test_the_list_of_what_was_given_says_nothing_of_what_became_of_it(city: Metadata) -> None:
    with city.session() as session:
        given = vouchers_issued(session)
        assert vouchers_issued(session, given[3].id, 2) == given[4:6]
    assert len(given) == 13
    assert {one.amount_fen for one in given} == {100}
    assert not any("left" in name or "redeem" in name for name in given[0].__slots__)


def test_who_is_not_here_gets_none(city: Metadata) -> None:
    with city.session() as session:
        session.execute(update(Enterprise).where(Enterprise.uscc == "A1").values(tenant=None))
        with pytest.raises(UnknownEnterprise):
            give_voucher(session, OFFICER, "NOBODY", terms(1), NOW)
        with pytest.raises(Problem, match="not on the platform"):
            give_voucher(session, OFFICER, "A1", terms(1), NOW)


def test_the_operator_bills_the_tenant_that_is_named_and_no_other(world: World) -> None:
    with world.context.metadata.above(Above.OPERATOR).session() as session:
        person = create_user(session, "op", "Op", "tap hole 42", roles=[Role.PLATFORM_OPERATOR])
        secret = open_session(session, person, timedelta(hours=1), datetime.now(UTC))
    client, header = world.app.test_client(), {"Authorization": f"Bearer {SESSION_PREFIX}{secret}"}

    def told(path: str, tenant: str, **more: object) -> tuple[int, str]:
        answer = client.post(f"/api/v1/billing/{path}", json={"tenant": tenant, **more}, headers=header)
        found = answer.get_json()
        return answer.status_code, found["code"] if isinstance(found, dict) else ""

    decision = {"number": 404, "act": "issue"}
    assert told("statements", "steel", month="2026-01") == (200, "")
    assert told("statements", "nobody", month="2026-01") == (404, "unknown_tenant")
    assert told("invoices/decision", "nobody", **decision) == (404, "unknown_tenant")
    status, code = told("invoices/decision", "steel", **decision)
    assert (status, code != "unknown_tenant") == (404, True), "the tenant is there, the invoice is not"
