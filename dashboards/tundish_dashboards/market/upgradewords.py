"""Upgrades in words: what a newer version changes and would read, how a shadow run went, what was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dash import html

from tundish_dashboards import components
from tundish_dashboards.money.amounts import plan_words
from tundish_dashboards.theme import Tone
from tundish_platform.assets import find_signals
from tundish_platform.marketplace.upgrades.datause import INPUT, RECORDS, WINDOW

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace.upgrades import Offer, UpgradeView
    from tundish_platform.marketplace.upgrades.comparing import Difference, Shadow
    from tundish_platform.sdk import Manifest

_TONES = {
    "trying": Tone.NOTICE,
    "differs": Tone.NOTICE,
    "taken": Tone.GOOD,
    "refused": Tone.BAD,
    "given_up": Tone.QUIET,
    "returned": Tone.BAD,
}
_NAMED = 10


def facts_of(view: TenantView, running: Manifest, offer: Offer) -> Component:
    """What a newer version changes, what more it would read, and what it would cost who changes plan."""
    t, new = view.t, offer.newer.manifest
    pairs: list[tuple[str, Any]] = []
    if new.changes is not None:
        pairs.append((t("app.news"), t.of(new.changes.zh, new.changes.en)))
    changed = t("match.join").join(t(f"app_change.{part}") for part in offer.changed)
    pairs.append((t("upgrade.changed"), changed or t("upgrade.nothing")))
    more = [html.Li(more_words(view, offer, part)) for part in offer.more]
    pairs.append((t("upgrade.more"), html.Ul(more) if more else t("upgrade.no_more")))
    if offer.missing:
        pairs.append((t("upgrade.missing"), ", ".join(offer.missing)))
    if new.offers != running.offers:
        plans = "; ".join(plan_words(t, view.formats, plan) for plan in new.offers)
        pairs.append((t("app.price"), f"{plans} {t('upgrade.price_stays')}"))
    if new.resources != running.resources:
        limits = new.resources
        words = t("app.limits_words", seconds=f"{limits.seconds:g}", memory=limits.memory_mb)
        pairs.append((t("app.limits"), words))
    return components.facts(pairs)


def more_words(view: TenantView, offer: Offer, part: str) -> str:
    """One thing that has to be agreed to: the input with its signals, the records, the window, the words."""
    t, manifest = view.t, offer.newer.manifest
    kind, _, key = part.partition(":")
    if kind == INPUT:
        wanted = next(one for one in manifest.inputs if one.key == key)
        fresh = _fresh(view, offer, key)
        return t("upgrade.more_input", name=t.of(wanted.name.zh, wanted.name.en), signals=fresh)
    if kind == RECORDS:
        wish = manifest.wish(key)
        purpose = t.of(wish.purpose.zh, wish.purpose.en) if wish else ""
        return t("upgrade.more_records", name=t(f"record_kind.{key}"), purpose=purpose)
    if kind == WINDOW:
        return t("upgrade.more_window", window=view.formats.span(timedelta(seconds=manifest.window_s)))
    return t("upgrade.more_words", words=t.of(manifest.data_use.zh, manifest.data_use.en))


def waiting_words(view: TenantView, one: UpgradeView) -> list[Component]:
    """How an upgrade stands that is not over, and where the two versions differ."""
    t = view.t
    head = components.status(_TONES[one.state], t(f"upgrade.state_{one.state}"))
    words = t(f"upgrade.{one.state}_now", version=one.to_version, tries=one.tries)
    said: list[Component] = [head, html.P(words)]
    if one.shadow is not None and one.shadow.differing:
        columns = [t("upgrade.output"), one.from_version, one.to_version]
        rows = [_difference(view, part) for part in one.shadow.differing]
        said.append(components.table(columns, rows, t("upgrade.differences")))
    return said


def entry(view: TenantView, one: UpgradeView) -> Component:
    """An upgrade of the past, or the one that waits."""
    t, formats = view.t, view.formats
    state = components.status(_TONES[one.state], t(f"upgrade.state_{one.state}"))
    who = t("upgrade.by_itself") if one.automatic else one.asked_by
    told = [formats.moment(one.asked_at, seconds=False), " · ", who]
    if one.reason:
        told += [" · ", t(f"upgrade.reason_{one.reason}")]
    if one.ended_at is not None:
        told += [" · ", formats.moment(one.ended_at, seconds=False), " ", one.ended_by or ""]
    name = html.Strong(f"{one.from_version} → {one.to_version}")
    return components.entry([name, " ", state], told, more=_shadow_words(view, one.shadow))


def _shadow_words(view: TenantView, shadow: Shadow | None) -> str | None:
    if shadow is None:
        return None
    t = view.t
    words = t(
        "upgrade.shadow", outcome=t(f"outcome.{shadow.new.outcome}"),
        seconds=view.formats.number(shadow.new.seconds, 1), n=len(shadow.differing),
    )  # fmt: skip
    return f"{words} {shadow.new.detail}".strip()


def _difference(view: TenantView, part: Difference) -> list[str]:
    return [part.output, *(_value(view, value) for value in (part.before, part.after))]


def _value(view: TenantView, value: float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else view.formats.brief(value)


def _fresh(view: TenantView, offer: Offer, key: str) -> str:
    """Names of the signals that an input would bring."""
    t = view.t
    with view.context.metadata.session() as session:
        signals = find_signals(session, view.scope, list(offer.fresh))
    wanted = next(one for one in offer.newer.manifest.inputs if one.key == key)
    names = [t.of(s.name_zh, s.name_en) for s in signals if wanted.matches(s)]
    return t("match.join").join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "") or t("upgrade.none")
