"""Ratings: what apps were worth, stars, failures that no alert announced, and use by industry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import below, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tundish_platform.sdk.calls.rating_answers import AppUse, MissedFailure, OwnStars, Rating, SaidOfApp


class RatingCalls(Transport):
    """What apps were worth, measured and as their users say."""

    def app_ratings(self) -> list[Rating]:
        """What each app of the catalogue was worth."""
        return self._list("/catalogue/ratings")

    def app_rating(self, app: str) -> Rating:
        """What one app was worth."""
        found: Rating = self._json("GET", below("catalogue", app, "rating"))
        return found

    def said_of_app(self, app: str) -> Iterator[SaidOfApp]:
        """What people say of an app, newest first, fetched page by page."""
        return self._every(below("catalogue", app, "stars"), {})

    def own_stars(self, tenant: str, app: str) -> OwnStars:
        """What the tenant itself said of an app, and whether it may."""
        found: OwnStars = self._json("GET", of(tenant, "apps", app, "stars"))
        return found

    def give_stars(self, tenant: str, app: str, stars: int, text: str = "") -> SaidOfApp:
        """Give one to five stars or change them; only people may, once a run of the app went well."""
        body = {"stars": stars, "text": text}
        said: SaidOfApp = self._json("PUT", of(tenant, "apps", app, "stars"), json=body)
        return said

    def take_stars_back(self, tenant: str, app: str) -> None:
        """Withdraw the tenant's stars; only people may."""
        self._send("DELETE", of(tenant, "apps", app, "stars"))

    def hide_stars(self, number: int, reason: str) -> SaidOfApp:
        """Hide what somebody says for a reason, or show it again for none, as an operator in person."""
        path = below("review", "stars", number, "hiding")
        said: SaidOfApp = self._json("PUT", path, json={"reason": reason})
        return said

    def missed_failures(self, tenant: str) -> Iterator[MissedFailure]:
        """Failures that no alert announced, newest first, fetched page by page."""
        return self._every(of(tenant, "failures"), {})

    def report_failure(self, tenant: str, path: str, failed_at: datetime, note: str = "") -> MissedFailure:
        """Report a failure of the machine at a path that no alert announced."""
        body: dict[str, Any] = {"path": path, "failed_at": failed_at.isoformat(), "note": note}
        kept: MissedFailure = self._post(of(tenant, "failures"), body)
        return kept

    def remove_failure(self, tenant: str, number: int) -> None:
        """Remove a report that was wrong."""
        self._send("DELETE", of(tenant, "failures", number))

    def app_use_in_field(self, tenant: str, app: str) -> list[AppUse]:
        """Subscribers and runs of one of the tenant's own apps, by month and industry."""
        return self._list(of(tenant, "publisher", "apps", app, "use"))
