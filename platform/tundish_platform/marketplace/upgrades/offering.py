"""What is newer on the shelf than what runs, and what it would be to take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_platform.marketplace.matching import match
from tundish_platform.marketplace.publishing.states import State
from tundish_platform.marketplace.publishing.versions import number_of, versions_in
from tundish_platform.marketplace.upgrades.datause import changed_parts, more_data, wider_inputs
from tundish_platform.sdk import Manifest, missing_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.matching import Stock
    from tundish_platform.marketplace.subscriptions import SubscriptionView


@dataclass(frozen=True, slots=True)
class Newer:
    """An approved version that is newer than the one that runs."""

    manifest: Manifest
    approved_at: datetime | None

    @property
    def version(self) -> str:
        """As numbers with dots."""
        return self.manifest.version


@dataclass(frozen=True, slots=True)
class Offer:
    """What taking a newer version would be.

    Attributes:
        changed: parts of the manifest that differ.
        more: of the data use, to be agreed to: `tundish_platform.marketplace.upgrades.datause.more_data`.
        signals: numbers of those that it would read and that are granted already.
        fresh: numbers of those that it would read beyond them.
        inputs: all of them by input, where a person confirmed the app's inputs; else None.
        missing: inputs that it needs and that no signal serves.
    """

    newer: Newer
    changed: tuple[str, ...]
    more: tuple[str, ...]
    signals: tuple[int, ...]
    fresh: tuple[int, ...]
    inputs: Mapping[str, tuple[int, ...]] | None
    missing: tuple[str, ...]

    @property
    def silent(self) -> bool:
        """Whether it may be taken without asking anybody: it reads nothing that was not agreed to."""
        return not (self.more or self.fresh or self.missing)


def newer_versions(above: Session, app_id: str, version: str) -> list[Newer]:
    """Approved versions above one, the newest first.

    Args:
        above: a session that reaches publishers.
        app_id: of the app.
        version: that runs.
    """
    found = [one for one in versions_in(above, State.APPROVED, apps=[app_id], limit=10_000)
             if number_of(one.version) > number_of(version)]  # fmt: skip
    found.sort(key=lambda one: number_of(one.version), reverse=True)
    return [Newer(Manifest.model_validate(one.manifest), one.decided_at) for one in found]


def is_patch(version: str, of: str) -> bool:
    """Whether a version differs from an older one in the last number only."""
    return number_of(version)[:2] == number_of(of)[:2] and number_of(version) > number_of(of)


def offer_of(running: Manifest, newer: Newer, subscription: SubscriptionView, stock: Stock) -> Offer:
    """What it would be for a subscription to take a newer version.

    Inputs that the running version has keep their signals, as granted now. What is new or takes other kinds
    of signals than before gets what fits, which a person has to agree to; what a person confirmed stays.

    Args:
        running: manifest of the version that runs.
        newer: the version to be taken.
        subscription: whose.
        stock: all signals of the tenant.
    """
    manifest = newer.manifest
    fits = {one.wanted.key: tuple(s.id for s in one.fits) for one in match(manifest, stock)}
    held, wider = frozenset(subscription.signals), frozenset(wider_inputs(running, manifest))
    confirmed = subscription.inputs
    chosen = {
        key: numbers
        if key in wider and key not in (confirmed or ())
        else _kept(key, numbers, confirmed, held)
        for key, numbers in fits.items()
    }
    wanted = {number for numbers in chosen.values() for number in numbers}
    known = tuple(signal for signal in stock.signals if signal.id in wanted)
    return Offer(
        newer=newer, changed=changed_parts(running, manifest), more=more_data(running, manifest),
        signals=tuple(sorted(wanted & held)), fresh=tuple(sorted(wanted - held)),
        inputs=None if confirmed is None else chosen, missing=missing_inputs(manifest, known, chosen),
    )  # fmt: skip


def _kept(
    key: str, fits: tuple[int, ...], confirmed: Mapping[str, tuple[int, ...]] | None, held: frozenset[int]
) -> tuple[int, ...]:
    numbers = fits if confirmed is None else confirmed.get(key, ())
    return tuple(number for number in numbers if number in held)
