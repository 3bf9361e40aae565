"""Approved packages as apps: for everybody's catalogue, and for the runner those of one tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.publishing.models import AppPackage
from tundish_platform.marketplace.publishing.states import State
from tundish_platform.marketplace.publishing.versions import VersionView, number_of, versions_in
from tundish_platform.sdk.package import PackageError
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        query = select(AppPackage.app_id, AppPackage.digest).where(AppPackage.state == State.APPROVED)
        with self.metadata.above(Above.PACKAGES).session() as session:
            newest = {row.app_id: row.digest for row in session.execute(query.order_by(*ordered))}
        return loaded(self.folder, newest.items())


@dataclass(frozen=True, slots=True)
class FetchedPackages:
    """The packages that a tenant's subscriptions run, brought from the platform; as `Runner.packages`.

    Attributes:
        client: with a token that may analyse.
        folder: where this machine keeps archives; the server's own one will do.
    """

    client: Client
    folder: PackageFolder

    def __call__(self, tenant: str) -> dict[str, App]:
        """Apps by id."""
        listed = self.client.packages(tenant)
        for one in listed:
            if not self.folder.has(one["digest"]):
                self.folder.keep(self.client.package(tenant, one["digest"]))
        return loaded(self.folder, ((one["app"], one["digest"]) for one in listed))


def loaded(folder: PackageFolder, wanted: Iterable[tuple[str, str]]) -> dict[str, App]:
    """Apps by id, each checked against its digest."""
    found = {}
    for app_id, digest in wanted:
        try:
            found[app_id] = folder.load(digest)
        except PackageError as error:
            _log.error("package_refused", app=app_id, digest=digest, reason=str(error))
    return found


def packages_for(session: Session, above: Session, scope: TenantScope) -> list[VersionView]:
    """For each of the tenant's subscriptions the newest approved version of the same major number.

    Args:
        session: that reaches the tenant.
        above: that reaches publishers.
        scope: with the permission to read.
    """
    scope.require(Permission.READ)
    mine = Subscription.tenant_id == scope.tenant_id, Subscription.stopped_at.is_(None)
    subscribed = select(Subscription.app_id, Subscription.app_version).where(*mine)
    majors = {app_id: number_of(version)[0] for app_id, version in session.execute(subscribed)}
    newest: dict[str, VersionView] = {}
    for one in versions_in(above, State.APPROVED, apps=sorted(majors), limit=10_000):
        number = number_of(one.version)
        if number[0] != majors[one.app]:
            continue
        if one.app not in newest or number > number_of(newest[one.app].version):
            newest[one.app] = one
    return [newest[app_id] for app_id in sorted(newest)]
