"""Approved packages as apps: for everybody's catalogue, and for the runner those of one tenant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.publishing.models import AppPackage
from tundish_platform.marketplace.publishing.states import State
from tundish_platform.marketplace.publishing.versions import VersionView, approved_version
from tundish_platform.marketplace.upgrades.views import open_upgrades
from tundish_platform.sdk.package import PackageError
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.marketplace.publishing.folder import PackageFolder
    from tundish_platform.sdk.client import Client
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApprovedPackages:
    """The newest approved version of each app, as `Catalogue.packages`.

    Attributes:
        metadata: where the versions are.
        folder: where the archives are.
    """

    metadata: Metadata
    folder: PackageFolder

    def __call__(self) -> dict[str, App]:
        """Apps by id; one whose archive is missing or damaged is left out, and the log says so."""
        ordered = AppPackage.major, AppPackage.minor, AppPackage.patch
        told = select(AppPackage.app_id, AppPackage.digest, AppPackage.decided_at)
        query = told.where(AppPackage.state == State.APPROVED)
        with self.metadata.above(Above.PACKAGES).session() as session:
            newest = {row.app_id: row for row in session.execute(query.order_by(*ordered))}
        apps = loaded(self.folder, ((row.app_id, row.digest) for row in newest.values()))
        return {name: replace(app, approved_at=newest[name].decided_at) for name, app in apps.items()}

    def named(self, app_id: str, version: str) -> App | None:
        """One approved version, as `Catalogue.named`; None where there is none, or it is damaged."""
        with self.metadata.above(Above.PACKAGES).session() as session:
            found = approved_version(session, app_id, version)
        if found is None:
            return None
        app = loaded(self.folder, [(app_id, found.digest)]).get(app_id)
        return None if app is None else replace(app, approved_at=found.decided_at)


@dataclass(frozen=True, slots=True)
class FetchedPackages:
    """The packages that a tenant's subscriptions run, brought from the platform; as `Runner.packages`.

    Attributes:
        client: with a token that may analyse.
        folder: where this machine keeps archives; the server's own one will do.
    """

    client: Client
    folder: PackageFolder

    def __call__(self, tenant: str) -> dict[tuple[str, str], App]:
        """Apps by id and version."""
        listed = self.client.packages(tenant)
        for one in listed:
            if not self.folder.has(one["digest"]):
                self.folder.keep(self.client.package(tenant, one["digest"]))
        found = (loaded(self.folder, [(one["app"], one["digest"])]) for one in listed)
        return {(name, app.manifest.version): app for apps in found for name, app in apps.items()}


def loaded(folder: PackageFolder, wanted: Iterable[tuple[str, str]]) -> dict[str, App]:
    """Apps by id, each checked against its digest."""
    found = {}
    for app_id, digest in wanted:
        try:
            found[app_id] = folder.load(digest)
        except PackageError as error:
            _log.error("package_refused", app=app_id, digest=digest, reason=str(error))
    return found


def packages_for(
    session: Session, above: Session, scope: TenantScope, trying: Mapping[str, str] | None = None
) -> list[VersionView]:
    """Of each of the tenant's subscriptions the version that runs and the one that tries itself beside it.

    Args:
        session: that reaches the tenant.
        above: that reaches publishers.
        scope: with the permission to read.
        trying: versions of apps whose trials run, by app.
    """
    scope.require(Permission.READ)
    mine = Subscription.tenant_id == scope.tenant_id, Subscription.stopped_at.is_(None)
    wanted = {
        *(trying or {}).items(),
        *((row[0], row[1]) for row in session.execute(select(Subscription.app_id, Subscription.app_version)
                                                      .where(*mine))),
        *((one.app, one.to_version) for one in open_upgrades(session, scope).values()),
    }  # fmt: skip
    found = (approved_version(above, app_id, version) for app_id, version in sorted(wanted))
    return [one for one in found if one is not None]
