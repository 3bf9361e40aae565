"""The parts of a running platform that answers are made from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from flask import current_app, g

from tundish_platform.marketplace import running_app
from tundish_platform.people.settings import PeopleSettings

if TYPE_CHECKING:
    from tundish_platform.alarms.notify.vault import Vault
    from tundish_platform.marketplace.catalogue import App, Catalogue
    from tundish_platform.marketplace.publishing import PackageFolder
    from tundish_platform.marketplace.records import Sealer
    from tundish_platform.programme.published import HeadSigner
    from tundish_platform.store.access import TelemetryAccess
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

EXTENSION: Final = "tundish"
SCOPE: Final = "tundish_scope"
"""Name under which the guard keeps the granted scope for the time of a request."""
_BOUND: Final = "tundish_bound"


@dataclass(frozen=True, slots=True)
class PlatformContext:
    """What routes, queries and pages are given.

    Attributes:
        metadata: tenants, people, signals, subscriptions.
        telemetry: the samples, wherever their writer runs.
        catalogue: the apps there are.
        vault: seals secrets of alarm channels; without one no channel can be made.
        people: how people log in.
        packages: where archives of publishers' apps are kept; without it nobody can publish.
        sealer: signs what apps hand back as documents; without it none is kept.
        figures: signs the log of published figures; without it none is published.
    """

    metadata: Metadata
    telemetry: TelemetryAccess
    catalogue: Catalogue
    vault: Vault | None = None
    people: PeopleSettings = field(default_factory=PeopleSettings)
    packages: PackageFolder | None = None
    sealer: Sealer | None = None
    figures: HeadSigner | None = None

    def of(self, scope: TenantScope) -> PlatformContext:
        """The same parts for work in one tenant: the metadata's sessions reach that tenant's rows only."""
        return replace(self, metadata=self.metadata.of(scope))


def app_here(scope: TenantScope, app_id: str) -> App:
    """The app in the version that the tenant runs, else in its newest.

    Raises:
        UnknownApp: there is no such app.
    """
    with platform().metadata.session() as session:
        return running_app(session, scope, platform().catalogue, app_id)


def platform() -> PlatformContext:
    """The context of the application that answers the current request, bound to the tenant it was granted."""
    context: PlatformContext = current_app.extensions[EXTENSION]
    scope: TenantScope | None = g.get(SCOPE)
    if scope is None:
        return context
    bound: tuple[TenantScope, PlatformContext] | None = g.get(_BOUND)
    if bound is None or bound[0] is not scope:
        bound = (scope, context.of(scope))
        setattr(g, _BOUND, bound)
    return bound[1]
