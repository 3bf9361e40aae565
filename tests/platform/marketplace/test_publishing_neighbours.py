"""Two publishers side by side: what one has is not counted, found or changed by the other."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.audit import all_entries
from tundish_platform.marketplace import subscribe
from tundish_platform.marketplace.models import Grant, Subscription
from tundish_platform.marketplace.publishing import (
    PackageFolder,
    PublishRefused,
    publishers,
    review,
    versions,
)
from tundish_platform.marketplace.publishing.approved import packages_for
from tundish_platform.marketplace.publishing.fieldruns import own_apps
from tundish_platform.marketplace.publishing.models import AppPackage, PublisherKey
from tundish_platform.marketplace.publishing.states import State
from tundish_platform.samples import SignalSpec
from tundish_platform.sdk.package import PackageError
from tundish_platform.sdk.signing import key_text, new_key, public_part, sign
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import Catalogue
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OPERATOR = Principal(1, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}), person=True)
KEYS = {"acme": new_key(), "rival": new_key()}
APPS = {"acme": "quiet", "rival": "gauge"}


class House:
    """Two publishers with a key and a version each; a third may publish and has not yet."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.scopes: dict[str, TenantScope] = {}
        self.marks: dict[str, str] = {}
        with metadata.session() as session:
            for slug in ("acme", "rival", "third"):
                create_tenant(session, slug, slug, slug)
                owner = job_principal(session, "owner", Role.OWNER)
                self.scopes[slug] = access_tenant(owner, slug, Permission.PUBLISH)
            for slug, key in KEYS.items():
                publishers.register(session, self.scopes[slug], slug.title(), NOW)
                proof = sign(key, key_text(slug, public_part(key)))
                made = publishers.add_key(session, self.scopes[slug], public_part(key), proof, None, NOW)
                self.marks[slug] = made.fingerprint
                manifest: Any = SimpleNamespace(id=APPS[slug], version="1.0.0")
                versions._take_title(session, self.scopes[slug], manifest, (), NOW)
                session.add(self._package(session, slug))
            publishers.confirm_key(session, OPERATOR, self.marks["acme"], NOW)

    def _package(self, session: Session, slug: str) -> AppPackage:
        key = session.scalars(
            select(PublisherKey.id).where(PublisherKey.fingerprint == self.marks[slug])
        ).one()
        return AppPackage(
            tenant_id=self.scopes[slug].tenant_id, app_id=APPS[slug], version="1.0.0", major=1, minor=0,
            patch=0, digest=slug, size=1, signature="", key_id=key, manifest={}, state=State.IN_REVIEW,
            uploaded_at=NOW, uploaded_by=slug,
        )  # fmt: skip

    def state(self, session: Session, slug: str) -> tuple[str, str]:
        """Of its key and of its version."""
        (key,) = publishers.keys_of(session, self.scopes[slug])
        return key.state, session.scalars(
            select(AppPackage.state).where(AppPackage.app_id == APPS[slug])
        ).one()

    def told(self, session: Session, action: str) -> list[str]:
        return [one.tenant for one in all_entries(session) if one.action == action]


@pytest.fixture
def house(new_sqlite: Callable[[], Metadata]) -> House:
    """On SQLite, where the filter of each query is the only guard."""
    return House(new_sqlite())


def refused(code: str) -> object:
    return pytest.raises(PublishRefused, check=lambda error: error.code == code)


def subscribed(session: Session, shelf: Catalogue, slug: str) -> None:
    """A tenant with a signal that subscribes to the first publisher's app."""
    spec = SignalSpec(path="S/A/L1/M1/C/P", name_zh="压", name_en="P", semantic="pressure.hydraulic")
    who = job_principal(session, slug, Role.ANALYST)
    upsert_signals(session, access_tenant(who, slug, Permission.INGEST), "opc", [spec])
    scope = access_tenant(job_principal(session, slug, Role.OWNER), slug, Permission.SUBSCRIBE)
    subscribe(session, scope, shelf, APPS["acme"], list_signals(session, scope))


def test_versions_are_their_publishers_and_packages_of_who_subscribed(house: House, shelf: Catalogue) -> None:
    manifest = shelf.app("quiet").manifest.model_dump(mode="json")
    with house.metadata.session() as session:
        subscribed(session, shelf, "third")
        session.execute(update(AppPackage).values(manifest=manifest, state=State.APPROVED, version="0.1.0"))
        for slug, scope in house.scopes.items():
            found = [(one.app, one.publisher) for one in versions.versions_of(session, scope)]
            assert found == ([(APPS[slug], slug.title())] if slug in APPS else [])
            running = [(one.app, one.version) for one in packages_for(session, session, scope)]
            assert running == ([("quiet", "0.1.0")] if slug == "third" else [])


def test_each_publisher_has_its_own_name_keys_and_versions(house: House) -> None:
    with house.metadata.session() as session:
        for slug, scope in house.scopes.items():
            mine = [house.marks[slug]] if slug in house.marks else []
            assert [key.fingerprint for key in publishers.keys_of(session, scope)] == mine
            assert publishers.publisher_name(session, scope) == (slug.title() if mine else None)
            apps = [APPS[slug]] if mine else []
            assert own_apps(session, scope) == apps
        assert publishers._active(session, house.scopes["rival"]) is None, "it waits for the operator"
        waiting = publishers.keys_to_confirm(session)
        assert [(key.publisher, key.fingerprint) for key in waiting] == [("Rival", house.marks["rival"])]
        for slug, other in (("acme", "rival"), ("rival", "acme")):
            with refused("unknown_version"):
                versions.version_of(session, house.scopes[slug], APPS[other], "1.0.0")


def test_what_one_has_is_not_counted_for_another(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishers, "MAX_KEYS", 1)
    monkeypatch.setattr(versions, "MAX_OPEN", 1)
    older: Any = SimpleNamespace(id=APPS["acme"], version="0.9.0")
    with house.metadata.session() as session:
        publishers._room(session, house.scopes["third"])
        versions._refuse_heap(session, house.scopes["third"])
        versions._refuse_old(session, house.scopes["third"], older)
        for slug in KEYS:
            with refused("too_many_keys"):
                publishers._room(session, house.scopes[slug])
            with refused("too_many_open"):
                versions._refuse_heap(session, house.scopes[slug])
        with refused("version_not_newer"):
            versions._refuse_old(session, house.scopes["acme"], older)
        with refused("id_of_others"):
            versions._take_title(session, house.scopes["third"], older, (), NOW)


def test_a_key_signs_for_its_own_publisher_only(house: House) -> None:
    signature = sign(KEYS["acme"], b"text")
    with house.metadata.session() as session:
        key = publishers.signing_key(session, house.scopes["acme"], b"text", signature)
        assert key.fingerprint == house.marks["acme"]
        with refused("bad_signature"):
            publishers.signing_key(session, house.scopes["rival"], b"text", signature)


def test_confirming_a_key_retires_none_of_another_publisher(house: House) -> None:
    with house.metadata.session() as session:
        publishers.confirm_key(session, OPERATOR, house.marks["rival"], NOW)
        assert [house.state(session, slug)[0] for slug in KEYS] == ["active", "active"]
        assert house.told(session, "publisher.key_confirmed") == ["acme", "rival"]


def test_nobody_takes_back_or_revokes_what_is_another_s(house: House) -> None:
    with house.metadata.session() as session:
        number = session.scalars(select(AppPackage.id).where(AppPackage.app_id == APPS["acme"])).one()
        rival = house.scopes["rival"]
        with refused("unknown_version"):
            review.take_back(session, rival, number, "mine", NOW)
        with refused("unknown_key"):
            review.revoke_key(session, house.marks["acme"], NOW, "x", "lost", NOW, rival.tenant_id)
        assert house.state(session, "acme") == ("active", "in_review")


def test_a_revoked_key_takes_nothing_of_another_publisher_with_it(house: House) -> None:
    """Nobody writes a row of one publisher that names the key of another; none would be touched by it."""
    mine, theirs = house.scopes["acme"].tenant_id, house.scopes["rival"].tenant_id
    with house.metadata.session() as session:
        key = session.scalars(select(PublisherKey.id).where(PublisherKey.tenant_id == mine)).one()
        session.execute(update(AppPackage).where(AppPackage.tenant_id == theirs).values(key_id=key))
        stray = {"vouched_by": house.marks["acme"], "confirmed_at": NOW}
        session.execute(update(PublisherKey).where(PublisherKey.tenant_id == theirs).values(**stray))
        assert review.revoke_key(session, house.marks["acme"], NOW, "acme", "lost", NOW, mine) == 1
        session.expire_all()
        assert house.state(session, "acme") == ("revoked", "withdrawn")
        assert house.state(session, "rival") == ("active", "in_review")
        assert house.told(session, "publisher.key_revoked") == ["acme"]


def test_a_key_revoked_by_its_publisher_takes_the_key_it_vouched_for_with_it(house: House) -> None:
    acme, heir = house.scopes["acme"], new_key()
    text = key_text("acme", public_part(heir))
    with house.metadata.session() as session:
        publishers.add_key(session, acme, public_part(heir), sign(heir, text), sign(KEYS["acme"], text), NOW)
        review.revoke_key(session, house.marks["acme"], NOW, "acme", "lost", NOW, acme.tenant_id)
        assert {key.state for key in publishers.keys_of(session, acme)} == {"revoked"}


def test_what_no_version_serves_any_more_stops_under_the_name_of_each_tenant(
    house: House, shelf: Catalogue
) -> None:
    subscribers = ("rival", "third")
    with house.metadata.session() as session:
        for slug in subscribers:
            subscribed(session, shelf, slug)
        number = session.scalars(select(Subscription.id).order_by(Subscription.id)).first()
        stray = Grant(
            tenant_id=house.scopes["acme"].tenant_id, subscription_id=number, signal_id=1, granted_at=NOW
        )
        session.add(stray)
        assert review.stop_orphans(session, "quiet", "gone", NOW) == 2
        session.expire_all()
        assert stray.withdrawn_at is None
        assert all(row.stopped_at == NOW for row in session.scalars(select(Subscription)))
        assert house.told(session, "subscription.stopped") == list(subscribers)


def test_an_archive_is_named_by_its_digest_and_never_by_a_path(tmp_path: Path) -> None:
    (tmp_path / "secret.zip").write_bytes(b"x")
    folder = PackageFolder(tmp_path / "apps")
    for name in ("../secret", "", "a" * 63, "a" * 65, f"{'a' * 63}/"):
        for asked in (folder.has, folder.read, folder.load):
            with pytest.raises(PackageError, match="64 hexadecimal"):
                asked(name)


def test_a_name_and_a_key_stand_in_the_trail_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite the end of an outermost savepoint is a commit, which would keep them alone."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(publishers, "record_of", fail)
    acme, third = house.scopes["acme"], house.scopes["third"]
    with pytest.raises(ZeroDivisionError), house.metadata.session() as session:
        publishers.register(session, third, "Third", NOW)
    key = new_key()
    proof = sign(key, key_text("acme", public_part(key)))
    with pytest.raises(ZeroDivisionError), house.metadata.session() as session:
        publishers.add_key(session, acme, public_part(key), proof, None, NOW)
    with house.metadata.session() as session:
        assert publishers.publisher_name(session, third) is None
        assert [one.fingerprint for one in publishers.keys_of(session, acme)] == [house.marks["acme"]]
