"""Apps: catalogue, subscriptions, what they may read, and their runs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.samples import SampleKind
from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa

    from tundish_platform.sdk.calls.plant_answers import App, Fit, Recorded, RecordedRun, Subscription

_NEWEST: Final = 50


class MarketplaceCalls(Transport):
    """Apps and what a tenant has of them."""

    def catalogue(self) -> list[App]:
        """Every app there is, with its manifest and model cards."""
        return self._list("/catalogue")

    def compatibility(self, tenant: str, app: str) -> Fit:
        """Which inputs of an app the tenant serves."""
        found: Fit = self._json("GET", of(tenant, "apps", app, "compatibility"))
        return found

    def subscriptions(self, tenant: str) -> list[Subscription]:
        """The tenant's active subscriptions."""
        return self._list(of(tenant, "subscriptions"))

    def subscribe(
        self, tenant: str, app: str, parameters: Mapping[str, float | str] | None = None
    ) -> Subscription:
        """Subscribe to an app; who is subscribed already gets that subscription back."""
        body = {"app": app} | ({"parameters": dict(parameters)} if parameters else {})
        made: Subscription = self._post(of(tenant, "subscriptions"), body)
        return made

    def stop(self, tenant: str, app: str) -> None:
        """Stop the tenant's subscription to an app."""
        self._send("DELETE", of(tenant, "subscriptions", app))

    def grants(self, tenant: str, app: str) -> list[int]:
        """Numbers of the signals the subscription lets the app read."""
        numbers: list[int] = self._json("GET", of(tenant, "grants", app))["signals"]
        return numbers

    def app_inputs(
        self,
        tenant: str,
        app: str,
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:
        """Samples of the signals the subscription grants, and of no others."""
        window = given(start=start.isoformat(), end=end.isoformat(), kind=kind.value)
        return self._arrow(of(tenant, "grants", app, "samples"), window)

    def runs(self, tenant: str) -> list[RecordedRun]:
        """The newest runs of the tenant's apps, newest first."""
        return list(islice(self.every_run(tenant), _NEWEST))

    def every_run(self, tenant: str, app: str | None = None) -> Iterator[RecordedRun]:
        """All runs of the tenant's apps or of one, newest first, fetched page by page."""
        return self._every(of(tenant, "runs"), given(app=app))

    def post_run(self, tenant: str, run: Mapping[str, Any]) -> Recorded:
        """Record a run of an app."""
        recorded: Recorded = self._post(of(tenant, "runs"), dict(run))
        return recorded
