"""The parts of a running platform that answers are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import current_app

if TYPE_CHECKING:
    from tundish_platform.alarms.notify.vault import Vault
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
        vault: seals secrets of alarm channels; without one no channel can be made.
    """

    metadata: Metadata
    telemetry: TelemetryAccess
    catalogue: Catalogue
    vault: Vault | None = None


def platform() -> PlatformContext:
    """The context of the application that answers the current request."""
    context: PlatformContext = current_app.extensions[EXTENSION]
    return context
