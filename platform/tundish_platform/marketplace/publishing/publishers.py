"""Publishers and their keys: added, confirmed or vouched for, retired, revoked.

One key of a publisher signs at a time. The first one, and one after a loss, is confirmed by the operator, who
knows the publisher; any later one is signed by the key it follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from tundish_platform.audit import record, record_of
from tundish_platform.marketplace.publishing.models import Publisher, PublisherKey
from tundish_platform.marketplace.publishing.refusal import PublishRefused
from tundish_platform.sdk.signing import KeyRefused, fingerprint, key_text, signed_by, usable_public
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal, TenantScope

MAX_KEYS: Final = 50


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as lists show it.

    Attributes:
        state: ``waiting`` for the operator, ``active``, ``retired`` or ``revoked``.
    """

    publisher: str
    fingerprint: str
    public_key: str
    state: str
    added_at: datetime
    added_by: str
    vouched_by: str
    confirmed_by: str | None
    revoked_since: datetime | None
    reason: str


def state_of(key: PublisherKey) -> str:
    """The state that a key's times say."""
    if key.revoked_at is not None:
        return "revoked"
    if key.retired_at is not None:
        return "retired"
    return "waiting" if key.confirmed_at is None else "active"


def register(session: Session, scope: TenantScope, name: str, now: datetime) -> str:
    """Make the tenant a publisher of that name; returns the name. Doing it twice is no error.

    Raises:
        PublishRefused: the tenant has another name, or another publisher has this one.
    """
    _may_publish(scope)
    known = publisher_name(session, scope)
    if known is None:
        try:
            made = Publisher(tenant_id=scope.tenant_id, name=name, made_at=now, made_by=scope.principal)
            session.add(made)
            session.flush()
        except IntegrityError:
            raise _name_taken() from None
        record_of(session, scope, "publisher.registered", name, now)
    elif known != name:
        raise PublishRefused(
            409, "publisher_named", f"本企业已登记为发布者“{known}”, 名称不能更改。",
            f"This enterprise publishes as {known!r}; the name stays.",
        )  # fmt: skip
    return name


def publisher_name(session: Session, scope: TenantScope) -> str | None:
    """The name under which the tenant publishes; None while it does not."""
    _may_publish(scope)
    name: str | None = session.scalar(select(Publisher.name).where(Publisher.tenant_id == scope.tenant_id))
    return name


def add_key(
    session: Session, scope: TenantScope, public: str, proof: bytes, vouch: bytes | None, now: datetime
) -> KeyView:
    """Add a key: active at once where the active key vouches for it, else waiting for the operator.

    Args:
        session: of the metadata database.
        scope: with the permission to publish.
        public: the new public key, PEM.
        proof: signature of `key_text` by the new key: whoever adds it has it.
        vouch: signature of the same by the active key, which retires thereby.
        now: the platform's clock.

    Raises:
        PublishRefused: no publisher yet, no such key, a wrong signature, or a key that was added before.
    """
    name = _publisher(session, scope)
    try:
        public, mark = usable_public(public), fingerprint(public)
    except KeyRefused as error:
        raise PublishRefused(422, "bad_key", f"公钥无法使用: {error}。", f"{error}.") from None
    text = key_text(scope.slug, public)
    if not signed_by(public, proof, text):
        raise _bad_proof()
    active = _active(session, scope)
    if vouch is not None and (active is None or not signed_by(active.public_pem, vouch, text)):
        raise _bad_vouch()
    _room(session, scope)
    key = PublisherKey(
        tenant_id=scope.tenant_id, fingerprint=mark, public_pem=public, added_at=now,
        added_by=scope.principal, vouched_by="",
    )  # fmt: skip
    if vouch is not None and active is not None:
        active.retired_at = now
        key.vouched_by, key.confirmed_at, key.confirmed_by = active.fingerprint, now, scope.principal
    try:
        session.add(key)
        session.flush()
    except IntegrityError:
        raise _key_known() from None
    record_of(session, scope, "publisher.key_added", mark, now, {"vouched_by": key.vouched_by})
    return _view(key, name)


def keys_of(session: Session, scope: TenantScope) -> list[KeyView]:
    """The tenant's keys, newest first."""
    name = publisher_name(session, scope) or ""
    mine = select(PublisherKey).where(PublisherKey.tenant_id == scope.tenant_id)
    return [_view(key, name) for key in session.scalars(mine.order_by(PublisherKey.id.desc()))]


def keys_to_confirm(session: Session) -> list[KeyView]:
    """Keys of all publishers that wait for the operator, the oldest first."""
    waiting = PublisherKey.confirmed_at.is_(None), PublisherKey.revoked_at.is_(None)
    query = (
        select(PublisherKey, Publisher.name)
        .join(Publisher, Publisher.tenant_id == PublisherKey.tenant_id)
        .where(*waiting)
        .order_by(PublisherKey.id)
        .limit(1_000)
    )
    return [_view(key, name) for key, name in session.execute(query)]


def confirm_key(session: Session, reviewer: Principal, mark: str, now: datetime) -> KeyView:
    """The operator confirms a waiting key; whichever was active before is retired.

    Raises:
        PublishRefused: there is no such key, or it does not wait.
    """
    key, name, slug = found_key(session, mark)
    if state_of(key) != "waiting":
        raise PublishRefused(
            409, "key_not_waiting", "该密钥不在待确认状态。", "That key does not wait to be confirmed."
        )
    session.execute(
        update(PublisherKey)
        .where(
            PublisherKey.tenant_id == key.tenant_id, PublisherKey.confirmed_at.is_not(None),
            PublisherKey.retired_at.is_(None), PublisherKey.revoked_at.is_(None),
        )
        .values(retired_at=now)
    )  # fmt: skip
    key.confirmed_at, key.confirmed_by = now, reviewer.name
    record(session, reviewer.name, "publisher.key_confirmed", mark, tenant=slug, now=now)
    return _view(key, name)


def found_key(session: Session, mark: str, tenant_id: int | None = None) -> tuple[PublisherKey, str, str]:
    """A key with the names of its publisher and tenant, of whichever tenant or of one.

    Raises:
        PublishRefused: there is none.
    """
    query = (
        select(PublisherKey, Publisher.name, Tenant.slug)
        .join(Publisher, Publisher.tenant_id == PublisherKey.tenant_id)
        .join(Tenant, Tenant.id == PublisherKey.tenant_id)
        .where(PublisherKey.fingerprint == mark)
    )
    row = session.execute(query).one_or_none()
    if row is None or tenant_id not in (None, row[0].tenant_id):
        raise PublishRefused(404, "unknown_key", "没有该密钥。", "There is no such key.")
    return row[0], row[1], row[2]


def signing_key(session: Session, scope: TenantScope, text: bytes, signature: bytes) -> PublisherKey:
    """The active key of the tenant that made a signature.

    Raises:
        PublishRefused: none did, or one that may not sign (any more).
    """
    _publisher(session, scope)
    mine = session.scalars(select(PublisherKey).where(PublisherKey.tenant_id == scope.tenant_id))
    for key in mine:
        if signed_by(key.public_pem, signature, text):
            if (state := state_of(key)) != "active":
                raise _key_refused(state)
            return key
    raise PublishRefused(
        422, "bad_signature", "签名与本企业登记的任何公钥都不符, 或安装包在签名后被改动。",
        "No key of this publisher made that signature over this package. Sign it again with the active key.",
    )  # fmt: skip


def _may_publish(scope: TenantScope) -> None:
    scope.require(Permission.PUBLISH)
    scope.require_all_signals()


def _publisher(session: Session, scope: TenantScope) -> str:
    name = publisher_name(session, scope)
    if name is None:
        raise PublishRefused(
            409, "no_publisher", "本企业尚未登记为发布者。请先登记。",
            "This enterprise is no publisher yet. Register it first.",
        )  # fmt: skip
    return name


def _active(session: Session, scope: TenantScope) -> PublisherKey | None:
    mine = session.scalars(select(PublisherKey).where(PublisherKey.tenant_id == scope.tenant_id))
    return next((key for key in mine if state_of(key) == "active"), None)


def _room(session: Session, scope: TenantScope) -> None:
    count = select(func.count()).where(PublisherKey.tenant_id == scope.tenant_id)
    if (session.scalar(count) or 0) >= MAX_KEYS:
        raise PublishRefused(
            409, "too_many_keys", f"一个发布者最多登记 {MAX_KEYS} 个密钥。",
            f"A publisher has at most {MAX_KEYS} keys over time. Ask the operator.",
        )  # fmt: skip


def _view(key: PublisherKey, publisher: str) -> KeyView:
    return KeyView(
        publisher, key.fingerprint, key.public_pem, state_of(key), key.added_at, key.added_by, key.vouched_by,
        key.confirmed_by, key.revoked_since, key.reason or "",
    )  # fmt: skip


def _name_taken() -> PublishRefused:
    return PublishRefused(
        409, "publisher_taken", "该发布者名称已被登记。请使用其他名称。", "Another publisher has that name."
    )


def _bad_proof() -> PublishRefused:
    return PublishRefused(
        422, "bad_proof", "新密钥的自签名不正确, 未登记。", "The new key's own signature is wrong; not added."
    )


def _bad_vouch() -> PublishRefused:
    return PublishRefused(
        422, "bad_vouch", "当前密钥没有为新密钥签名。如当前密钥已丢失, 请提交新密钥并由平台运营者确认。",
        "The active key did not sign the new one. If it is lost, the operator can confirm a new one.",
    )  # fmt: skip


def _key_known() -> PublishRefused:
    return PublishRefused(409, "key_known", "该密钥已登记过。", "That key was added before.")


def _key_refused(state: str) -> PublishRefused:
    zh = {"waiting": "尚待平台运营者确认", "retired": "已被新密钥取代", "revoked": "已被吊销"}[state]
    en = {
        "waiting": "waits for the operator",
        "retired": "was followed by another one",
        "revoked": "was revoked",
    }[state]
    return PublishRefused(422, f"key_{state}", f"签名所用密钥{zh}。", f"The key that signed {en}.")
