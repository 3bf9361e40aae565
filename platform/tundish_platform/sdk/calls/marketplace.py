"""Apps: catalogue, subscriptions, what they may read, and their runs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.samples import SampleKind
from tundish_platform.sdk.calls.paths import below, given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from tundish_platform.sdk.calls.catalogue_answers import FoundApp, Mapped, Matching, Release, Shelves
    from tundish_platform.sdk.calls.plant_answers import (
        App,
        Fit,
        Recorded,
        RecordedRun,
        Restarted,
        RunHeld,
        Subscription,
    )
    from tundish_platform.sdk.calls.upgrade_answers import Begun, Followed, Upgrade, Versions

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

    def apps(
        self, tenant: str, words: str = "", industry: str = "", problem: str = "any", order: str = "name"
    ) -> Iterator[FoundApp]:
        """Apps that are looked for, with what each would find at the tenant, fetched page by page."""
        wish = {"words": words, "industry": industry, "problem": problem, "order": order}
        return self._every(of(tenant, "apps"), given(**wish))

    def categories(self) -> Shelves:
        """Industries and problems of the catalogue, with how many apps suit each."""
        shelves: Shelves = self._json("GET", "/catalogue/categories")
        return shelves

    def app_versions(self, app: str) -> list[Release]:
        """The newest approved versions of an app, with what changed."""
        return self._list(below("catalogue", app, "versions"))

    def matching(self, tenant: str, app: str, line: str = "") -> Matching:
        """Each input of an app against the tenant's signals, or against those of one line."""
        found: Matching = self._json(
            "GET", of(tenant, "apps", app, "matching"), params=given(line=line or None)
        )
        return found

    def confirm_matching(self, tenant: str, app: str, inputs: Mapping[str, Sequence[int]]) -> Mapped:
        """Confirm which signals serve as which input; only people may."""
        wish = {"inputs": {key: list(numbers) for key, numbers in inputs.items()}}
        mapped: Mapped = self._json("PUT", of(tenant, "apps", app, "matching"), json=wish)
        return mapped

    def subscriptions(self, tenant: str) -> list[Subscription]:
        """The tenant's active subscriptions."""
        return self._list(of(tenant, "subscriptions"))

    def subscribe(
        self,
        tenant: str,
        app: str,
        parameters: Mapping[str, float | str] | None = None,
        plan: str | None = None,
    ) -> Subscription:
        """Subscribe to an app; who is subscribed already gets that subscription back."""
        body: dict[str, Any] = {"app": app} | ({"parameters": dict(parameters)} if parameters else {})
        body |= {"plan": plan} if plan else {}
        made: Subscription = self._post(of(tenant, "subscriptions"), body)
        return made

    def stop(self, tenant: str, app: str) -> None:
        """Stop the tenant's subscription to an app."""
        self._send("DELETE", of(tenant, "subscriptions", app))

    def restart_app(self, tenant: str, app: str) -> Restarted:
        """Let an app run again that was stopped because it failed again and again; only people may."""
        done: Restarted = self._post(of(tenant, "subscriptions", app, "restart"))
        return done

    def app_upgrades(self, tenant: str, app: str) -> Iterator[Upgrade]:
        """Which version of the subscription followed which, newest first, fetched page by page."""
        return self._every(of(tenant, "subscriptions", app, "upgrades"), {})

    def app_versions_here(self, tenant: str, app: str) -> Versions:
        """The version that runs, what is newer on the shelf, what waits, and what could come back."""
        found: Versions = self._json("GET", of(tenant, "subscriptions", app, "versions"))
        return found

    def upgrade_app(self, tenant: str, app: str, version: str, agreed: Sequence[str] = ()) -> Upgrade:
        """Take a newer version once it ran well beside the running one; only people may.

        Args:
            tenant: whose subscription.
            app: of the subscription.
            version: to be taken.
            agreed: what of the data it would use beyond the running one is agreed to: all, or it is refused.
        """
        body = {"version": version, "agreed": list(agreed)}
        made: Upgrade = self._post(of(tenant, "subscriptions", app, "upgrades"), body)
        return made

    def follow_app(self, tenant: str, app: str, follow: str) -> Followed:
        """Have patches come by themselves (``patches``) or not (``none``); only people may."""
        body = {"follow": follow}
        said: Followed = self._json("PUT", of(tenant, "subscriptions", app, "follow"), json=body)
        return said

    def roll_back_app(self, tenant: str, app: str) -> Upgrade:
        """Have the former version back; only people may."""
        back: Upgrade = self._post(of(tenant, "subscriptions", app, "rollback"))
        return back

    def decide_upgrade(self, tenant: str, number: int, *, take: bool) -> Upgrade:
        """Take a version although it tells other values, or give the upgrade up; only people may."""
        decided: Upgrade = self._post(of(tenant, "upgrades", number, "decision"), {"take": take})
        return decided

    def begin_patches(self, tenant: str) -> Begun:
        """Begin the upgrades to patches that the tenant's subscriptions follow."""
        begun: Begun = self._post(of(tenant, "upgrades", "patches"))
        return begun

    def upgrade_inputs(
        self, tenant: str, number: int, start: datetime, end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> pa.Table:  # fmt: skip
        """Samples that the new version would read; nothing once its shadow run is over."""
        window = given(start=start.isoformat(), end=end.isoformat(), kind=kind.value)
        return self._arrow(of(tenant, "upgrades", number, "samples"), window)

    def post_shadow(self, tenant: str, number: int, shadow: Mapping[str, Any]) -> Upgrade:
        """Hand back a shadow run; one that went well switches the subscription."""
        told: Upgrade = self._post(of(tenant, "upgrades", number, "shadow"), dict(shadow))
        return told

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

    def claim_run(
        self, tenant: str, app: str, holder: str, seconds: float, last_run_at: str | None = None
    ) -> RunHeld:
        """Claim the next run of an app for one process; 409 ``run_claimed`` where another one has it.

        Args:
            tenant: its short name.
            app: id of the app.
            holder: name of the process, which no other has; `post_run` names it too.
            seconds: how long it holds the run at most.
            last_run_at: start of the newest run, as the subscription said when it was due.
        """
        body = {"holder": holder, "seconds": seconds, "last_run_at": last_run_at}
        # Said again it is the same claim, so that it needs no key against repeats.
        held: RunHeld = self._json("POST", of(tenant, "subscriptions", app, "claim"), json=body)
        return held

    def post_run(self, tenant: str, run: Mapping[str, Any]) -> Recorded:
        """Record a run of an app."""
        recorded: Recorded = self._post(of(tenant, "runs"), dict(run))
        return recorded
