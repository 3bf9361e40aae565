"""The parts of a running platform that answers are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flask import current_app

from tundish_platform.people.settings import PeopleSettings

if TYPE_CHECKING:
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.store.access import TelemetryAccess
    from tundish_platform.tenancy.metadata import Metadata

EXTENSION: Final = "tundish"


@dataclass(frozen=True, slots=True)
class PlatformContext:
    """What routes, queries and pages are given.

    Attributes:
        metadata: tenants, people, signals, subscriptions.
        telemetry: the samples, wherever their writer runs.
        catalogue: the apps there are.
        people: how people log in.
    """

    metadata: Metadata
    telemetry: TelemetryAccess
    catalogue: Catalogue
    people: PeopleSettings = field(default_factory=PeopleSettings)


def platform() -> PlatformContext:
    """The context of the application that answers the current request."""
    context: PlatformContext = current_app.extensions[EXTENSION]
    return context
