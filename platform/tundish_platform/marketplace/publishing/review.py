"""What the operator decides, and what follows for subscribers: approval, rejection, withdrawal, revocation.

All of it works above tenants: a version is its publisher's, its subscriptions are everybody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tundish_platform.audit import record, record_of
from tundish_platform.marketplace.publishing.falling import stop_orphans
from tundish_platform.marketplace.publishing.models import AppPackage, PublisherKey
from tundish_platform.marketplace.publishing.publishers import found_key
from tundish_platform.marketplace.publishing.refusal import PublishRefused
from tundish_platform.marketplace.publishing.states import Act, State
from tundish_platform.marketplace.publishing.versions import any_version, move, unknown_version
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal, TenantScope


_SAID: Final = {Act.APPROVE: "app.approved", Act.REJECT: "app.rejected", Act.WITHDRAW: "app.withdrawn"}


def decide(session: Session, reviewer: Principal, number: int, act: Act, reason: str, now: datetime) -> None:
    """Approve, reject or withdraw a version; who sent it may not approve it.

    Args:
        session: above tenants.
        reviewer: a person with the operator's role, which the caller has checked.
        number: of the version.
        act: the decision.
        reason: for the publisher and, on withdrawal, for subscribers; needed unless it is approved.
        now: the platform's clock.

    Raises:
        PublishRefused: no such version, its state does not allow it, no reason, the reviewer's own, or
            signed with a key that was revoked meanwhile.
    """
    found = any_version(session, number)
    if act is not Act.APPROVE and not reason.strip():
        raise _no_reason()
    if act is Act.APPROVE and found.uploaded_by == reviewer.name:
        raise PublishRefused(
            409, "own_version", "提交者不能审批自己的版本。", "Who sent a version does not approve it."
        )
    if act is Act.APPROVE and found.suspect:
        raise PublishRefused(409, "key_revoked", "签名密钥已被吊销。", "The key that signed it was revoked.")
    move(session, number, act, reviewer.name, now, reason)
    subject = f"{found.app} {found.version}"
    detail = {"sha256": found.digest, "reason": reason}
    record(session, reviewer.name, _SAID[act], subject, now=now, detail=detail)
    if act is Act.WITHDRAW:
        stop_orphans(session, found.app, reason, now)


def take_back(session: Session, scope: TenantScope, number: int, reason: str, now: datetime) -> None:
    """The publisher withdraws one of its versions, whatever it has come to.

    Args:
        session: above tenants.
        scope: of the publisher, with the permission to publish.
        number: of the version.
        reason: for subscribers.
        now: the platform's clock.

    Raises:
        PublishRefused: it is not the tenant's, was rejected or withdrawn before, or no reason is given.
    """
    scope.require(Permission.PUBLISH)
    if not reason.strip():
        raise _no_reason()
    mine = AppPackage.tenant_id == scope.tenant_id, AppPackage.id == number
    row = session.execute(select(AppPackage.app_id, AppPackage.version).where(*mine)).one_or_none()
    if row is None:
        raise unknown_version()
    move(session, number, Act.WITHDRAW, scope.principal, now, reason)
    record_of(session, scope, "app.withdrawn", f"{row[0]} {row[1]}", now, {"reason": reason})
    stop_orphans(session, row[0], reason, now)


def revoke_key(
    session: Session, mark: str, since: datetime, actor: str, reason: str, now: datetime,
    tenant_id: int | None = None,
) -> int:  # fmt: skip
    """Revoke a key: its signatures count for nothing from an instant on; returns how many versions fall.

    Versions that were uploaded with it since then are withdrawn, and their subscriptions stop with the
    reason; older ones stay and are shown as suspect. Keys it vouched for since then are revoked with it.

    Args:
        session: above tenants.
        mark: the key's fingerprint.
        since: from when on the key may have been in other hands.
        actor: who revokes, for the audit trail.
        reason: for publisher and subscribers.
        now: the platform's clock.
        tenant_id: the publisher's own tenant, if it is the publisher who revokes; None for the operator.

    Raises:
        PublishRefused: no such key, or it was revoked from that instant or an earlier one on.
    """
    key, _, slug = found_key(session, mark, tenant_id)
    if key.revoked_since is not None and key.revoked_since <= since:
        raise PublishRefused(409, "key_revoked", "该密钥已被吊销。", "That key was revoked before.")
    key.revoked_at, key.revoked_since, key.revoked_by, key.reason = now, since, actor[:200], reason[:400]
    session.flush()
    detail = {"since": since.isoformat(), "reason": reason}
    record(session, actor, "publisher.key_revoked", mark, tenant=slug, now=now, detail=detail)
    fallen = _withdraw_since(session, key, f"密钥已吊销 / key revoked: {reason}", actor, now)
    heirs = select(PublisherKey.fingerprint).where(
        PublisherKey.tenant_id == key.tenant_id, PublisherKey.vouched_by == mark,
        PublisherKey.confirmed_at >= since, PublisherKey.revoked_at.is_(None),
    )  # fmt: skip
    for heir in session.scalars(heirs).all():
        fallen += revoke_key(session, heir, since, actor, reason, now, tenant_id)
    return fallen


def _no_reason() -> PublishRefused:
    return PublishRefused(422, "no_reason", "请写明理由。", "Give a reason; those concerned read it.")


def _withdraw_since(session: Session, key: PublisherKey, reason: str, actor: str, now: datetime) -> int:
    standing = select(AppPackage.id, AppPackage.app_id).where(
        AppPackage.tenant_id == key.tenant_id, AppPackage.key_id == key.id,
        AppPackage.uploaded_at >= key.revoked_since,
        AppPackage.state.in_([State.UPLOADED, State.IN_REVIEW, State.APPROVED]),
    )  # fmt: skip
    rows = session.execute(standing).all()
    for number, _ in rows:
        move(session, number, Act.WITHDRAW, actor, now, reason)
    for app_id in sorted({app_id for _, app_id in rows}):
        stop_orphans(session, app_id, reason, now)
    return len(rows)
