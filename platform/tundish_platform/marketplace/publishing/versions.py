"""Versions of apps: sent by their publisher, listed, taken back; the rules that hold at the door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.publishing.models import AppPackage, AppTitle, Publisher, PublisherKey
from tundish_platform.marketplace.publishing.publishers import publisher_name, signing_key
from tundish_platform.marketplace.publishing.refusal import PublishRefused
from tundish_platform.marketplace.publishing.states import LIFE, Act, State, from_states
from tundish_platform.sdk import Manifest
from tundish_platform.sdk.package import PackageError, read_package
from tundish_platform.sdk.signing import text_of
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Row, Select
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.publishing.folder import PackageFolder
    from tundish_platform.sdk.package import Package
    from tundish_platform.tenancy import TenantScope

MAX_OPEN: Final = 20
"""Versions of one publisher that may wait for checks or review at a time."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version as its publisher and the operator see it.

    Attributes:
        signature: in hexadecimal.
        suspect: its key was revoked later; the version was sent before the key's signatures lost their worth.
        report: of the automatic checks; None before they ran.
    """

    id: int
    app: str
    version: str
    publisher: str
    state: str
    suspect: bool
    digest: str
    size: int
    signature: str
    key: str
    public_key: str
    manifest: Mapping[str, Any]
    report: Mapping[str, Any] | None
    uploaded_at: datetime
    uploaded_by: str
    decided_at: datetime | None
    decided_by: str | None
    reason: str


def upload(
    session: Session,
    scope: TenantScope,
    folder: PackageFolder,
    data: bytes,
    signature: bytes,
    now: datetime,
    shelved: Collection[str] = (),
) -> int:
    """Take a signed package in; returns its number. Its code is not looked at, and no sandbox runs yet.

    Args:
        session: of the metadata database.
        scope: with the permission to publish.
        folder: where archives are kept.
        data: the archive.
        signature: over `tundish_platform.sdk.signing.package_text`.
        now: the platform's clock; it decides which side of a revocation a version is on.
        shelved: ids of apps that belong to the platform itself.

    Raises:
        PublishRefused: no package, a wrong signature or publisher, an id of others, or a version that is not
            newer than all that were sent before.
    """
    scope.require(Permission.PUBLISH)
    scope.require_all_signals()
    try:
        package = read_package(data)
    except PackageError as error:
        raise _no_package(error) from None
    manifest = package.manifest
    key = signing_key(session, scope, text_of(package), signature)
    if manifest.publisher != publisher_name(session, scope):
        raise _other_publisher(manifest)
    _take_title(session, scope, manifest, shelved, now)
    _refuse_old(session, scope, manifest)
    _refuse_heap(session, scope)
    folder.keep(data)
    row = _row(scope, package, key, signature, now)
    session.add(row)
    session.flush()
    subject = f"{manifest.id} {manifest.version}"
    record_of(session, scope, "app.uploaded", subject, now, {"sha256": row.digest})
    return row.id


def versions_of(
    session: Session, scope: TenantScope, *, before: int | None = None, limit: int = 100
) -> list[VersionView]:
    """What the tenant sent, newest first."""
    scope.require(Permission.PUBLISH)
    query = _views().where(AppPackage.tenant_id == scope.tenant_id)
    if before:
        query = query.where(AppPackage.id < before)
    return [_view(row) for row in session.execute(query.order_by(AppPackage.id.desc()).limit(limit))]


def version_of(session: Session, scope: TenantScope, app_id: str, version: str) -> VersionView:
    """One of the tenant's versions.

    Raises:
        PublishRefused: the tenant sent none of that name and version.
    """
    scope.require(Permission.PUBLISH)
    mine = AppPackage.tenant_id == scope.tenant_id
    query = _views().where(mine, AppPackage.app_id == app_id, AppPackage.version == version)
    row = session.execute(query).one_or_none()
    if row is None:
        raise unknown_version()
    return _view(row)


def versions_in(
    session: Session, state: State, *, apps: Collection[str] | None = None, after: int = 0, limit: int = 100
) -> list[VersionView]:
    """Versions of all publishers in one state, of some apps or of all, the oldest first."""
    query = _views().where(AppPackage.state == state, AppPackage.id > after)
    if apps is not None:
        query = query.where(AppPackage.app_id.in_(apps))
    return [_view(row) for row in session.execute(query.order_by(AppPackage.id).limit(limit))]


def any_version(session: Session, number: int) -> VersionView:
    """A version of whichever publisher; for the operator.

    Raises:
        PublishRefused: there is none of that number.
    """
    row = session.execute(_views().where(AppPackage.id == number)).one_or_none()
    if row is None:
        raise unknown_version()
    return _view(row)


def manifest_of(session: Session, app_id: str, version: str) -> Manifest | None:
    """The manifest of a version, whatever has become of it; None of the platform's own apps."""
    query = select(AppPackage.manifest).where(AppPackage.app_id == app_id, AppPackage.version == version)
    found = session.scalar(query)
    return None if found is None else Manifest.model_validate(found)


def approved_version(session: Session, app_id: str, version: str) -> VersionView | None:
    """A version that may run; None where it was never approved, or was withdrawn."""
    mine = AppPackage.app_id == app_id, AppPackage.version == version, AppPackage.state == State.APPROVED
    row = session.execute(_views().where(*mine)).one_or_none()
    return None if row is None else _view(row)


def move(
    session: Session, number: int, act: Act, actor: str, now: datetime, reason: str = "",
    report: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Move a version on, if its state allows the act; of two at once, one comes through.

    Raises:
        PublishRefused: its state does not allow it.
    """
    for state in sorted(from_states(act)):
        values: dict[str, Any] = {"state": LIFE[state, act], "reason": reason[:400]}
        if act in (Act.PASS, Act.FAIL):
            values["report"] = report
        if act is not Act.PASS:
            values |= {"decided_at": now, "decided_by": actor[:200]}
        moved = session.execute(
            update(AppPackage).where(AppPackage.id == number, AppPackage.state == state).values(**values)
        )
        if moved.rowcount:  # type: ignore[attr-defined] # an UPDATE gives a CursorResult
            return
    raise PublishRefused(
        409, "wrong_state", "该版本的当前状态不允许此操作。请刷新后再看。",
        "The version is in a state that does not allow this. Look at it again.",
    )  # fmt: skip


def unknown_version() -> PublishRefused:
    """That there is no such version, or none the caller may see."""
    return PublishRefused(404, "unknown_version", "没有该版本。", "There is no such version.")


def number_of(version: str) -> tuple[int, int, int]:
    """``major.minor.patch`` as numbers, which compare as versions do."""
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def _take_title(
    session: Session, scope: TenantScope, manifest: Manifest, shelved: Collection[str], now: datetime
) -> None:
    """Have the app's id, and hold its row, so that two versions sent at once are compared one by one."""
    title = {"app_id": manifest.id, "tenant_id": scope.tenant_id, "first_at": now, "uploads": 0}
    session.execute(insert_into(session, AppTitle).values(**title).on_conflict_do_nothing())
    mine = AppTitle.app_id == manifest.id, AppTitle.tenant_id == scope.tenant_id
    held = session.execute(update(AppTitle).where(*mine).values(uploads=AppTitle.uploads + 1))
    if manifest.id in shelved or not held.rowcount:  # type: ignore[attr-defined] # an UPDATE gives a CursorResult
        raise PublishRefused(
            409, "id_of_others", f"应用标识 {manifest.id} 属于其他发布者。请更换标识。",
            f"The id {manifest.id} belongs to another publisher. Choose another one.",
        )  # fmt: skip


def _refuse_old(session: Session, scope: TenantScope, manifest: Manifest) -> None:
    mine = AppPackage.tenant_id == scope.tenant_id, AppPackage.app_id == manifest.id
    newest = session.execute(
        select(AppPackage.major, AppPackage.minor, AppPackage.patch)
        .where(*mine)
        .order_by(AppPackage.major.desc(), AppPackage.minor.desc(), AppPackage.patch.desc())
        .limit(1)
    ).one_or_none()
    if newest is not None and number_of(manifest.version) <= tuple(newest):
        shown = ".".join(map(str, newest))
        raise PublishRefused(
            409, "version_not_newer", f"版本号必须高于已提交的 {shown}; 同一版本号不能再次使用。",
            f"The version must be above {shown}, which was sent before; a version is sent once.",
        )  # fmt: skip


def _refuse_heap(session: Session, scope: TenantScope) -> None:
    open_ones = AppPackage.state.in_([State.UPLOADED, State.IN_REVIEW])
    count = select(func.count()).where(AppPackage.tenant_id == scope.tenant_id, open_ones)
    if (session.scalar(count) or 0) >= MAX_OPEN:
        raise PublishRefused(
            409, "too_many_open", f"最多 {MAX_OPEN} 个版本同时待检或待审。请先撤回不再需要的版本。",
            f"At most {MAX_OPEN} versions may wait at a time. Withdraw those you need no more.",
        )  # fmt: skip


def _row(
    scope: TenantScope, package: Package, key: PublisherKey, signature: bytes, now: datetime
) -> AppPackage:
    manifest = package.manifest
    major, minor, patch = number_of(manifest.version)
    return AppPackage(
        tenant_id=scope.tenant_id, app_id=manifest.id, version=manifest.version, major=major, minor=minor,
        patch=patch, digest=package.digest, size=len(package.data), signature=signature.hex(), key_id=key.id,
        manifest=manifest.model_dump(mode="json"), state=State.UPLOADED, uploaded_at=now,
        uploaded_by=scope.principal,
    )  # fmt: skip


def _views() -> Select[AppPackage, PublisherKey, str]:
    return (
        select(AppPackage, PublisherKey, Publisher.name)
        .join(PublisherKey, PublisherKey.id == AppPackage.key_id)
        .join(Publisher, Publisher.tenant_id == AppPackage.tenant_id)
    )


def _view(found: Row[AppPackage, PublisherKey, str]) -> VersionView:
    row, key, publisher = found
    return VersionView(
        id=row.id, app=row.app_id, version=row.version, publisher=publisher, state=row.state,
        suspect=key.revoked_at is not None, digest=row.digest, size=row.size, signature=row.signature,
        key=key.fingerprint, public_key=key.public_pem, manifest=row.manifest, report=row.report,
        uploaded_at=row.uploaded_at, uploaded_by=row.uploaded_by, decided_at=row.decided_at,
        decided_by=row.decided_by, reason=row.reason or "",
    )  # fmt: skip


def _no_package(error: PackageError) -> PublishRefused:
    return PublishRefused(
        422, "bad_package", f"这不是可用的应用包: {error}。请用 tundish app pack 重新打包。",
        f"This is no package: {error}. Pack the app again with `tundish app pack`.",
    )  # fmt: skip


def _other_publisher(manifest: Manifest) -> PublishRefused:
    return PublishRefused(
        422, "other_publisher", f"清单中的发布者“{manifest.publisher}”不是本企业登记的发布者名称。",
        f"The manifest names the publisher {manifest.publisher!r}; this enterprise has another one.",
    )  # fmt: skip
