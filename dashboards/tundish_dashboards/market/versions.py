"""The versions of an app, and what changed from each to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from tundish_dashboards import components
from tundish_platform.marketplace.publishing.releases import releases

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.market.look import AppLook
    from tundish_platform.marketplace.publishing.releases import Release


def versions_panel(look: AppLook) -> Component:
    """The version of today, the one subscribed to, and those that were approved before."""
    t, manifest = look.view.t, look.newest.manifest
    facts: list[tuple[str, Any]] = [(t("app.version_now"), manifest.version)]
    if look.subscription is not None:
        facts.append((t("app.version_subscribed"), look.subscription.version))
    if manifest.changes is not None:
        facts.append((t("app.news"), t.of(manifest.changes.zh, manifest.changes.en)))
    before = releases(look.view.context.metadata, manifest.id)
    entries = components.entries([_entry(look.view, one) for one in before]) if before else None
    return components.panel(t("app.versions"), [components.facts(facts), entries], id="app-versions")


def _entry(view: TenantView, one: Release) -> Component:
    t = view.t
    changed = t("match.join").join(t(f"app_change.{part}") for part in one.changed)
    said = t.of(one.said.zh, one.said.en) if one.said else ""
    when = t("app.approved", at=view.formats.moment(one.at, seconds=False)) if one.at else ""
    words = t("app.changed", parts=changed) if changed else ""
    return components.entry(html.Strong(one.version), [when, words], more=said or None)
