"""Documents are sealed by the platform, shared by a code, and closed as soon as the consent ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from tundish_platform.marketplace import NotSubscribed, stop, subscribe, subscription_of
from tundish_platform.marketplace.models import Grant
from tundish_platform.marketplace.record_models import RecordGrant, SealedDocument
from tundish_platform.marketplace.records import (
    Sealer,
    UndeclaredDocument,
    UnknownDocument,
    consent_to,
    document_file,
    documents,
    keep_documents,
    share,
    shared_file,
    unshare,
)
from tundish_platform.marketplace.records.sealing import KEPT
from tundish_platform.sdk import Document
from tundish_platform.sdk.sealed import open_sealed
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from conftest import House
    from sqlalchemy.orm import Session

MONTH = timedelta(days=30)


def kept(house: House, session: Session, slug: str = "steel", n: int = 1, subject: str = "") -> int:
    made = [Document(key="paper", subject=subject, content={"tenant": slug, "n": n})]
    (number,) = keep_documents(session, house.scopes[slug], house.sealer, house.manifest, made)
    return number


def shared(house: House, session: Session, slug: str = "steel", n: int = 1) -> str:
    """The code of a new document that rests on usage and alarms."""
    consent_to(session, house.scopes[slug], house.manifest, ["usage", "alarms"])
    now = datetime.now(house.now.tzinfo)
    code = share(session, house.scopes[slug], kept(house, session, slug, n), now + MONTH, now).code
    assert code is not None
    return code


def reachable(session: Session, code: str, now: datetime) -> bool:
    try:
        return '"format":"tundish-document-v1"' in shared_file(session, code, now)
    except UnknownDocument:
        return False


def test_what_is_kept_is_sealed_by_the_platform_and_says_whose_it_is(house: House) -> None:
    with house.metadata.session() as session:
        numbers = {slug: kept(house, session, slug, subject="coil/1") for slug in ("steel", "power")}
        files = {slug: document_file(session, house.scopes[slug], n) for slug, n in numbers.items()}
    for slug, file in files.items():
        said = open_sealed(file.encode(), house.sealer.mark).statement
        assert (said.app, said.app_version) == ("reader", "1.2.3")
        assert (said.document, said.subject) == ("paper", "coil/1")
        assert (said.enterprise, said.content) == (f"{slug} 厂", {"tenant": slug, "n": 1})
    assert Sealer(SecretStr("k")).mark == house.sealer.mark != Sealer(SecretStr("l")).mark


def test_the_same_is_sealed_once_and_old_ones_go_unless_they_are_shared(house: House) -> None:
    scope = house.scopes["steel"]
    with house.metadata.session() as session:
        first = kept(house, session)
        assert kept(house, session) == first
        assert kept(house, session, subject="other") != first
        share(session, scope, first, house.now + MONTH, house.now)
        for n in range(2, KEPT + 5):
            kept(house, session, n=n)
        found = documents(session, scope, "reader", limit=500)
        assert len([one for one in found if one.subject == ""]) == KEPT + 1
        assert first in {one.id for one in found}
        assert documents(session, scope, "reader", before=found[3].id, limit=2) == found[4:6]


def test_documents_are_their_tenants(house: House) -> None:
    steel, power = house.scopes["steel"], house.scopes["power"]
    with house.metadata.session() as session:
        number = kept(house, session)
        assert documents(session, power, "reader") == []
        for reach in (
            lambda: document_file(session, power, number),
            lambda: share(session, power, number, house.now + MONTH, house.now),
            lambda: unshare(session, power, number),
        ):
            with pytest.raises(UnknownDocument):
                reach()
        assert kept(house, session, "power", subject="x") != number
        assert [one.id for one in documents(session, steel, "reader")] == [number]


def test_stray_rows_of_a_neighbour_neither_stand_for_ours_nor_open_or_close_them(house: House) -> None:
    """Rows of one tenant that name another's subscription: nobody writes them, and nobody believes them."""
    steel, power = house.scopes["steel"], house.scopes["power"]
    with house.metadata.session() as session:
        number = subscription_of(session, steel, "reader").id
        whose = {"tenant_id": power.tenant_id, "subscription_id": number}
        code = shared(house, session)
        first = session.scalars(select(SealedDocument).where(SealedDocument.code == code)).one()
        columns = {one.name: getattr(first, one.name) for one in SealedDocument.__table__.columns}
        session.add(SealedDocument(**{**columns, "id": None, "code": None, **whose}))
        now = datetime.now(house.now.tzinfo)
        gone = Grant(**whose, signal_id=1, granted_at=house.now, withdrawn_at=now + MONTH)
        session.add(gone)
        session.flush()
        assert kept(house, session) == first.id
        assert reachable(session, code, now)
        consent_to(session, steel, house.manifest, [])
        for kind in ("usage", "alarms"):
            said = {"kind": kind, "fields": [], "granted_at": house.now, "granted_by": "x"}
            session.add(RecordGrant(**whose, **said))
        session.flush()
        assert not reachable(session, code, now)


def test_a_neighbour_who_seals_much_pushes_nothing_of_ours_out(house: House) -> None:
    with house.metadata.session() as session:
        number = kept(house, session)
        for n in range(KEPT + 3):
            kept(house, session, "power", n)
        assert [one.id for one in documents(session, house.scopes["steel"], "reader")] == [number]


def test_only_a_declared_document_of_a_subscribed_app_is_sealed_and_for_who_may(house: House) -> None:
    scope = house.scopes["steel"]
    viewer = Principal(2, "v", {"steel": (scope.tenant_id, frozenset({Role.VIEWER}))})
    with house.metadata.session() as session:
        with pytest.raises(UndeclaredDocument):
            keep_documents(session, scope, house.sealer, house.manifest, [Document(key="x", content={})])
        number = kept(house, session)
        seeing = access_tenant(viewer, "steel", Permission.READ)
        for reach in (
            lambda: keep_documents(session, seeing, house.sealer, house.manifest, []),
            lambda: share(session, seeing, number, house.now + MONTH, house.now),
            lambda: unshare(session, seeing, number),
        ):
            with pytest.raises(AccessDenied):
                reach()
        stop(session, scope, "reader")
        with pytest.raises(NotSubscribed):
            kept(house, session)


def test_a_code_opens_its_document_until_it_is_over_or_taken_back(house: House) -> None:
    with house.metadata.session() as session:
        code = shared(house, session)
        now = datetime.now(house.now.tzinfo)
        assert reachable(session, code, now)
        assert not reachable(session, code, now + MONTH)
        assert not reachable(session, code + "x", now)
        (info,) = documents(session, house.scopes["steel"], "reader")
        assert (info.code, info.kinds, info.shared_by) == (code, ["alarms", "usage"], "owner of steel")
        assert unshare(session, house.scopes["steel"], info.id)
        assert not reachable(session, code, now)
        assert not unshare(session, house.scopes["steel"], info.id)


def test_a_withdrawn_record_closes_the_document_at_once_and_for_good(house: House) -> None:
    with house.metadata.session() as session:
        code = shared(house, session)
        scope, now = house.scopes["steel"], datetime.now(house.now.tzinfo)
        consent_to(session, scope, house.manifest, ["usage"])
        assert not reachable(session, code, now)
        consent_to(session, scope, house.manifest, ["usage", "alarms"])
        assert not reachable(session, code, now), "agreeing anew does not bring an old document back"
        newer = shared(house, session, n=2)
        assert reachable(session, newer, datetime.now(house.now.tzinfo))


def test_a_withdrawn_signal_and_an_ended_subscription_close_it_too(house: House) -> None:
    scope = house.scopes["steel"]
    with house.metadata.session() as session:
        code = shared(house, session)
        now = datetime.now(house.now.tzinfo)
        number = subscription_of(session, scope, "reader").id
        granted = {"subscription_id": number, "signal_id": 1, "granted_at": house.now}
        session.add(Grant(tenant_id=scope.tenant_id, **granted))
        session.flush()
        assert reachable(session, code, now)
        session.execute(update(Grant).where(Grant.tenant_id == scope.tenant_id).values(withdrawn_at=now))
        assert not reachable(session, code, now)
        newer = shared(house, session, n=3)
        assert reachable(session, newer, datetime.now(house.now.tzinfo))
        stop(session, scope, "reader")
        subscribe(session, scope, house.catalogue, "reader", ())
        assert not reachable(session, newer, datetime.now(house.now.tzinfo))


def test_what_a_neighbour_withdraws_closes_nothing_of_ours(house: House) -> None:
    with house.metadata.session() as session:
        code = shared(house, session)
        shared(house, session, "power")
        consent_to(session, house.scopes["power"], house.manifest, [])
        stop(session, house.scopes["power"], "reader")
        assert reachable(session, code, datetime.now(house.now.tzinfo))
