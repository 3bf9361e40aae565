"""A person's consent to an app's reading records: given by kind, seen, and withdrawn at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.record_models import RecordGrant
from tundish_platform.marketplace.subscriptions import subscription_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from tundish_platform.sdk import Manifest
    from tundish_platform.tenancy import TenantScope


class UnknownKind(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The app asks for no such records."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What stands of one kind of records: which fields, since when, by whom."""

    kind: str
    fields: tuple[str, ...]
    granted_at: datetime
    granted_by: str


def consents(session: Session, scope: TenantScope, app_id: str) -> list[Consent]:
    """What the tenant's active subscription lets the app read beside signals, by kind.

    Raises:
        AccessDenied: the scope may not read.
        NotSubscribed: there is no active subscription.
    """
    return _standing(session, scope, subscription_of(session, scope, app_id).id)


def consent_to(
    session: Session, scope: TenantScope, manifest: Manifest, kinds: Collection[str]
) -> list[Consent]:
    """Let the app read exactly these kinds from now on; what is left out is withdrawn.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        manifest: of the app, whose fields are agreed to.
        kinds: of records.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no active subscription.
        UnknownKind: the app asks for no such records.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    unknown = set(kinds) - {wish.kind.value for wish in manifest.records}
    if unknown:
        raise UnknownKind(f"{manifest.id} asks for no records {', '.join(sorted(unknown))}")
    number = subscription_of(session, scope, manifest.id).id
    now = datetime.now(UTC)
    before = {one.kind: one for one in _standing(session, scope, number)}
    wanted = {wish.kind.value: list(wish.fields) for wish in manifest.records if wish.kind in set(kinds)}
    gone = {
        kind for kind, one in before.items() if kind not in wanted or set(one.fields) != set(wanted[kind])
    }
    _withdraw(session, scope, number, gone, now)
    added = sorted(kind for kind in wanted if kind not in before or kind in gone)
    session.add_all(
        RecordGrant(
            tenant_id=scope.tenant_id, subscription_id=number, kind=kind, fields=wanted[kind],
            granted_at=now, granted_by=scope.principal,
        )
        for kind in added
    )  # fmt: skip
    session.flush()
    if added or gone:
        told = {"granted": added, "withdrawn": sorted(gone)}
        record_of(session, scope, "app.records_granted", manifest.id, now, told)
    return _standing(session, scope, number)


def records_scope(
    session: Session, scope: TenantScope, app_id: str, kind: str
) -> tuple[TenantScope, Consent]:
    """The scope one kind of records is read with, which reaches nothing else; and what was agreed to.

    Raises:
        NotSubscribed: there is no active subscription.
        UnknownKind: the kind was not granted, or its grant was withdrawn.
    """
    found = {one.kind: one for one in consents(session, scope, app_id)}
    if kind not in found:
        raise UnknownKind(f"{app_id} was not granted the records {kind}")
    return scope.narrowed(frozenset(), frozenset({Permission.READ}), frozenset({kind})), found[kind]


def _standing(session: Session, scope: TenantScope, subscription: int) -> list[Consent]:
    query = select(RecordGrant).where(
        RecordGrant.tenant_id == scope.tenant_id,
        RecordGrant.subscription_id == subscription,
        RecordGrant.withdrawn_at.is_(None),
    )
    return [
        Consent(row.kind, tuple(row.fields), row.granted_at, row.granted_by)
        for row in session.scalars(query.order_by(RecordGrant.kind))
    ]


def _withdraw(
    session: Session, scope: TenantScope, subscription: int, kinds: Collection[str], now: datetime
) -> None:
    session.execute(
        update(RecordGrant)
        .where(
            RecordGrant.tenant_id == scope.tenant_id,
            RecordGrant.subscription_id == subscription,
            RecordGrant.kind.in_(sorted(kinds)),
            RecordGrant.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now, withdrawn_by=scope.principal)
    )
