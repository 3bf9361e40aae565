"""Routes of publishers: their name, keys and versions; and of subscribers: the packages that they run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.api import publishing_shapes as shapes
from tundish_platform.api.base64s import decoded
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.marketplace.publishing import (
    Act,
    PackageFolder,
    PublishRefused,
    State,
    add_key,
    check_package,
    field_halts,
    field_runs,
    field_upgrades,
    keys_of,
    move,
    packages_for,
    publisher_name,
    register,
    revoke_key,
    take_back,
    upload,
    version_of,
    versions_in,
    versions_of,
)
from tundish_platform.marketplace.publishing.versions import number_of
from tundish_platform.sdk import Manifest
from tundish_platform.sdk.package import MAX_ARCHIVE, PackageError
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above
from tundish_platform.trials import apps_on_trial

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.publishing import FieldRun, VersionView
    from tundish_platform.tenancy import TenantScope

ZIP: Final = "application/zip"
BEFORE: Final = whole(
    "before", 0, MAX_ID, 0, "Number of the last version of the page before; 0 for the newest."
)
LIMIT: Final = page(100, 50)
RUN_BEFORE: Final = whole(
    "before", 0, MAX_ID, 0, "Number of the last run of the page before; 0 for the newest."
)
RUN_LIMIT: Final = page(500, 50)

Reason = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]

routes = Blueprint("publishing", __name__)


class PublisherName(BaseModel):
    """The name that the publisher's manifests give."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=2, max_length=120, pattern=r"^[^\x00-\x1f]*$")]


class NewKey(BaseModel):
    """A public key in PEM, signed by itself and, unless the operator is to confirm it, by the active key."""

    model_config = ConfigDict(extra="forbid")

    public_key: Annotated[str, Field(max_length=1_000)]
    proof: Signature
    vouch: Signature | None = None


class Revocation(BaseModel):
    """Since when a key's signatures count for nothing, and why."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    reason: Reason


class SignedPackage(BaseModel):
    """An archive in base64 with its signature in hexadecimal."""

    model_config = ConfigDict(extra="forbid")

    archive: Annotated[str, Field(max_length=MAX_ARCHIVE * 4 // 3 + 8)]
    signature: Signature


class Withdrawal(BaseModel):
    """Why a version is withdrawn."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


@routes.get("/tenants/<tenant>/publisher/apps/<app_id>/runs")
@guarded(Permission.PUBLISH)
@described(RUN_BEFORE, RUN_LIMIT, answer=list[shapes.FieldRun], headers=(LINK,))
def field_run_list(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """How one of the tenant's apps runs wherever it is subscribed to, newest first."""
    before, limit = RUN_BEFORE.read(), RUN_LIMIT.read()
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        found = field_runs(session, above, scope, app_id, before, limit)
    return paged([_plain(one) for one in found], "before", last_of(found, limit))


@routes.get("/tenants/<tenant>/publisher/apps/<app_id>/halts")
@guarded(Permission.PUBLISH)
@described(answer=list[shapes.FieldHalt])
def field_halt_list(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Where versions of one of the tenant's apps stand still, by version."""
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        return jsonify([asdict(one) for one in field_halts(session, above, scope, app_id)])


@routes.get("/tenants/<tenant>/publisher/apps/<app_id>/upgrades")
@guarded(Permission.PUBLISH)
@described(answer=list[shapes.FieldUpgrade])
def field_upgrade_list(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """How upgrades to versions of one of the tenant's apps went, over all tenants, in numbers."""
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        return jsonify([asdict(one) for one in field_upgrades(session, above, scope, app_id)])


@routes.get("/tenants/<tenant>/publisher")
@guarded(Permission.PUBLISH)
@described(answer=shapes.Publisher)
def publisher(scope: TenantScope) -> ResponseReturnValue:
    """As what the tenant publishes, and its keys, newest first."""
    with platform().metadata.session() as session:
        keys = [asdict(key) for key in keys_of(session, scope)]
        return jsonify(name=publisher_name(session, scope), keys=keys)


@routes.put("/tenants/<tenant>/publisher")
@guarded(Permission.PUBLISH)
@described(body=PublisherName, answer=shapes.Publisher)
def publisher_register(scope: TenantScope, body: PublisherName) -> ResponseReturnValue:
    """Publish under a name, for good. Saying it twice is no error."""
    with platform().metadata.session() as session:
        name = register(session, scope, body.name.strip(), utc_now())
        return jsonify(name=name, keys=[asdict(key) for key in keys_of(session, scope)])


@routes.post("/tenants/<tenant>/publisher/keys")
@guarded(Permission.PUBLISH)
@described(body=NewKey, answer=shapes.SigningKey, status=201)
def key_add(scope: TenantScope, body: NewKey) -> ResponseReturnValue:
    """Add a key: in place of the active one that vouches for it, else it waits for the operator."""
    vouch = None if body.vouch is None else bytes.fromhex(body.vouch)
    with platform().metadata.session() as session:
        made = add_key(session, scope, body.public_key, bytes.fromhex(body.proof), vouch, utc_now())
    return asdict(made), 201


@routes.post("/tenants/<tenant>/publisher/keys/<mark>/revocation")
@guarded(Permission.PUBLISH)
@described(body=Revocation, answer=shapes.Revoked)
def key_revoke(scope: TenantScope, mark: str, body: Revocation) -> ResponseReturnValue:
    """Revoke a key: versions that were sent with it since then are withdrawn and stop everywhere."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        fallen = revoke_key(
            session, mark, body.since, scope.principal, body.reason, utc_now(), scope.tenant_id
        )
    return {"withdrawn": fallen}


@routes.get("/tenants/<tenant>/versions")
@guarded(Permission.PUBLISH)
@described(BEFORE, LIMIT, answer=list[shapes.Version], headers=(LINK,))
def versions(scope: TenantScope) -> ResponseReturnValue:
    """What the tenant sent, newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = versions_of(session, scope, before=BEFORE.read() or None, limit=limit)
    return paged([asdict(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/versions")
@guarded(Permission.PUBLISH)
@described(body=SignedPackage, answer=shapes.Version, status=201)
def version_send(scope: TenantScope, body: SignedPackage) -> ResponseReturnValue:
    """Take a signed package in; it is checked and reviewed before anybody else sees it."""
    data = decoded(body.archive, "安装包", "archive", "bad_package")
    shelved = frozenset(platform().catalogue.shelved)
    with platform().metadata.session() as session:
        number = upload(
            session, scope, package_folder(), data, bytes.fromhex(body.signature), utc_now(), shelved
        )
        made = next(one for one in versions_of(session, scope, limit=1) if one.id == number)
    return asdict(made), 201


@routes.get("/tenants/<tenant>/versions/<app_id>/<version>")
@guarded(Permission.PUBLISH)
@described(answer=shapes.Version)
def version_one(scope: TenantScope, app_id: str, version: str) -> ResponseReturnValue:
    """One of the tenant's versions with the report of its checks."""
    with platform().metadata.session() as session:
        return asdict(version_of(session, scope, app_id, version))


@routes.post("/tenants/<tenant>/versions/<app_id>/<version>/check")
@guarded(Permission.PUBLISH)
@described(answer=shapes.Version)
def version_check(scope: TenantScope, app_id: str, version: str) -> ResponseReturnValue:
    """Run the automatic checks in the sandbox: it goes to review, or is rejected with the report.

    A version is checked once; asked again, its report is given.
    """
    metadata = platform().metadata
    with metadata.session() as session:
        found = version_of(session, scope, app_id, version)
        # Of its own publisher, so that the tenant's own rows are enough.
        approved = versions_in(session, State.APPROVED, apps=[app_id])
    if found.state != State.UPLOADED:
        return asdict(found)
    newest = max(approved, key=lambda one: number_of(one.version), default=None)
    before = None if newest is None else Manifest.model_validate(newest.manifest)
    report = check_package(package_folder().load(found.digest), before)
    act, reason = (Act.PASS, "") if report.passed else (Act.FAIL, "自动检查未通过 / automatic checks failed")
    with metadata.session() as session:
        move(session, found.id, act, "checks", utc_now(), reason, report.model_dump(mode="json"))
        return asdict(version_of(session, scope, app_id, version))


@routes.post("/tenants/<tenant>/versions/<app_id>/<version>/withdrawal")
@guarded(Permission.PUBLISH)
@described(body=Withdrawal, answer=shapes.Version)
def version_withdraw(scope: TenantScope, app_id: str, version: str, body: Withdrawal) -> ResponseReturnValue:
    """Take a version back; where it was in use, subscribers go on with an older one or are stopped."""
    with platform().metadata.session() as session:
        number = version_of(session, scope, app_id, version).id
    with platform().metadata.above(Above.PACKAGES).session() as session:
        take_back(session, scope, number, body.reason, utc_now())
    with platform().metadata.session() as session:
        return asdict(version_of(session, scope, app_id, version))


@routes.get("/tenants/<tenant>/packages")
@guarded(Permission.READ)
@described(answer=list[shapes.Version])
def packages(scope: TenantScope) -> ResponseReturnValue:
    """The packages that the tenant's subscriptions and trials run, with what is needed to verify them."""
    with (
        platform().metadata.session() as session,
        platform().metadata.above(Above.PACKAGES).session() as above,
    ):
        return jsonify([asdict(one) for one in _fetched(session, above, scope)])


@routes.get("/tenants/<tenant>/packages/<digest>")
@guarded(Permission.ANALYSE)
@described(gives=(ZIP,))
def package(scope: TenantScope, digest: str) -> Response:
    """The archive of a package that one of the tenant's subscriptions or trials runs."""
    with (
        platform().metadata.session() as session,
        platform().metadata.above(Above.PACKAGES).session() as above,
    ):
        if digest not in {one.digest for one in _fetched(session, above, scope)}:
            raise PublishRefused(404, "unknown_version", "没有该版本。", "There is no such version.")
    return archive_of(digest)


def _fetched(session: Session, above: Session, scope: TenantScope) -> list[VersionView]:
    return packages_for(session, above, scope, apps_on_trial(session, scope))


@routes.app_errorhandler(PublishRefused)
def _refused(error: PublishRefused) -> Response:
    return Problem(error.status, error.message_en, error.message_zh, error.code).response()


@routes.app_errorhandler(PackageError)
def _damaged(error: PackageError) -> Response:
    return Problem(
        503, f"The package cannot be used: {error}. Tell the operator.",
        f"安装包无法使用: {error}。请联系平台运营者。", "package_damaged",
    ).response()  # fmt: skip


def package_folder() -> PackageFolder:
    """Where this platform keeps archives.

    Raises:
        PublishRefused: nowhere.
    """
    folder = platform().packages
    if folder is None:
        raise PublishRefused(
            503, "no_packages", "本平台未设置应用包目录。", "This platform keeps no packages."
        )
    return folder


def archive_of(digest: str) -> Response:
    """An archive as an answer, checked against its digest."""
    answer = Response(package_folder().read(digest), content_type=ZIP)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{digest}.zip")
    return answer


def _plain(run: FieldRun) -> dict[str, Any]:
    return {**asdict(run), "day": run.day.isoformat()}
