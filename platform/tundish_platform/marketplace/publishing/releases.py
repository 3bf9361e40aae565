"""The approved versions of an app, and what changed from each to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_platform.marketplace.publishing.states import State
from tundish_platform.marketplace.publishing.versions import number_of, versions_in
from tundish_platform.marketplace.upgrades.datause import changed_parts
from tundish_platform.sdk import Manifest, Texts
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_platform.tenancy.metadata import Metadata

MOST: Final = 50
"""So many versions of an app are told, the newest."""


@dataclass(frozen=True, slots=True)
class Release:
    """An approved version.

    Attributes:
        at: when it was approved.
        said: what is new in it, in the publisher's words.
        changed: what is another than in the approved version before: ``inputs``, ``records``, ``outputs``,
            ``parameters``, ``price``, ``data_use``, ``schedule``, ``resources``; empty for the first.
    """

    version: str
    at: datetime | None
    said: Texts | None
    changed: tuple[str, ...]


def releases(metadata: Metadata, app_id: str) -> list[Release]:
    """The newest approved versions of an app, the newest first; none of the platform's own apps."""
    with metadata.above(Above.PACKAGES).session() as session:
        found = versions_in(session, State.APPROVED, apps=[app_id], limit=10_000)
    found.sort(key=lambda one: number_of(one.version))
    manifests = [Manifest.model_validate(one.manifest) for one in found]
    told = [
        Release(
            one.version,
            one.decided_at,
            manifest.changes,
            changed_parts(manifests[place - 1], manifest) if place else (),
        )
        for place, (one, manifest) in enumerate(zip(found, manifests, strict=True))
    ]
    return told[::-1][:MOST]
