"""Versions of a subscription on its app's page: what is newer, what waits, what was, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import dialog
from tundish_dashboards.market.upgradewords import entry, facts_of, more_words, waiting_words
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace import NotSubscribed
from tundish_platform.marketplace.publishing.versions import manifest_of
from tundish_platform.marketplace.subscriptions import subscription_of
from tundish_platform.marketplace.upgrades import (
    Follow,
    UnknownUpgrade,
    UpgradeRefused,
    ask_upgrade,
    give_up,
    roll_back,
    set_follow,
    take_anyway,
    upgrade_of,
    upgrades_of,
)
from tundish_platform.marketplace.upgrades.faults import no_such_version, over
from tundish_platform.marketplace.upgrades.shelf import may_run, offer_for, standing
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component
    from sqlalchemy.orm import Session

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.market.look import AppLook
    from tundish_platform.marketplace.upgrades.shelf import Standing

_ACTS: Final = ("take", "anyway", "stay", "back", "follow", "unfollow")
_SHOWN: Final = 30
_MAX_ID: Final = 2**31 - 1
_VERSION, _PART, _PARTS = 40, 80, 80


def upgrades_panel(look: AppLook) -> Component | None:
    """The panel with its dialog; none for the platform's own apps, which are upgraded with it."""
    view, one = look.view, look.subscription
    if one is None or not look.app.foreign:
        return None
    metadata = view.context.metadata
    try:
        with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
            history = upgrades_of(session, view.scope, view.app, limit=_SHOWN)
            found = standing(session, above, view.scope, one)
    except AccessDenied:
        return None
    t = view.t
    body: list[Any] = [*_offered(look, found), *_waiting(view, found), *_standing(look, found)]
    told = components.entries([entry(view, past) for past in history])
    body.append(components.more(t("upgrade.history", n=len(history)), told))
    return components.panel(t("upgrade.title"), [*body, *_dialog(view)], id="app-upgrades")


def register_upgrades(pages: Pages) -> None:
    """Asking, and doing what was confirmed."""

    @pages.on_tenant(
        Output("upgrade-dialog", "opened"),
        Output("upgrade-dialog-what", "children"),
        Output("upgrade-words", "children"),
        Output("upgrade-agreed", "children"),
        Output("upgrade-agreed", "value"),
        Output("upgrade-wish", "data"),
        Input({"role": "upgrade", "act": ALL, "of": ALL, "to": ALL}, "n_clicks"),
        Input("upgrade-no", "n_clicks"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def ask(view: TenantView, _clicks: object, _no: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return False, *(no_update,) * 4, None
        wish = _wish(asked)
        boxes = _boxes(view, str(wish["to"])) if wish["act"] == "take" else []
        title = view.t(f"upgrade.{wish['act']}_title", version=wish["to"])
        return True, title, view.t(f"upgrade.{wish['act']}_words"), boxes, [], wish

    @pages.on_tenant(
        Output("upgrade-dialog", "opened", allow_duplicate=True),
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("upgrade-yes", "n_clicks"),
        State("upgrade-wish", "data"),
        State("upgrade-agreed", "value"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, wish: object, agreed: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return False, no_update, no_update
        parts = agreed if isinstance(agreed, list) else []
        ticked = [wishes.word(part, "what is agreed to", _PART) for part in parts[:_PARTS]]
        return False, _done(view, _wish(wish), ticked), f"upgrade/{utc_now().isoformat()}"


def _wish(asked: dict[str, object]) -> dict[str, str | int]:
    return {
        "act": wishes.one_of(asked.get("act"), "what is to be done", _ACTS, "stay"),
        "of": wishes.whole(asked.get("of"), "the upgrade", 0, _MAX_ID, 0),
        "to": wishes.word(asked.get("to"), "the version", _VERSION),
    }


def _done(view: TenantView, wish: dict[str, str | int], agreed: list[str]) -> Component:
    t, metadata = view.t, view.context.metadata
    try:
        with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
            _do(view, session, above, wish, agreed)
    except UpgradeRefused as refused:
        return components.refused(t, refused)
    except (NotSubscribed, UnknownUpgrade):
        return components.notice(Tone.BAD, t("life.changed_meanwhile"), t("life.changed_then"))
    return components.done(t(f"upgrade.{wish['act']}_done"))


def _do(
    view: TenantView, session: Session, above: Session, wish: dict[str, str | int], agreed: list[str]
) -> None:
    scope, app, now, number = view.scope, view.app, utc_now(), int(wish["of"])
    match wish["act"]:
        case "take":
            offer = offer_for(session, above, scope, subscription_of(session, scope, app), str(wish["to"]))
            if offer is None:
                raise no_such_version(app, str(wish["to"]))
            ask_upgrade(session, scope, app, offer, agreed, now)
        case "anyway":
            found = upgrade_of(session, scope, number)
            manifest = manifest_of(above, found.app, found.to_version)
            if manifest is None or not may_run(above, found.app)(found.to_version):
                raise over(number)
            take_anyway(session, scope, number, manifest, now)
        case "stay":
            give_up(session, scope, number, now)
        case "back":
            roll_back(session, scope, app, may_run(above, app), now)
        case other:
            follow = Follow.PATCHES if other == "follow" else Follow.NONE
            set_follow(session, scope, app, follow, now)


def _boxes(view: TenantView, version: str) -> list[Component]:
    """What has to be agreed to, each with a box."""
    metadata = view.context.metadata
    try:
        with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
            running = subscription_of(session, view.scope, view.app)
            offer = offer_for(session, above, view.scope, running, version)
    except NotSubscribed:
        return []
    if offer is None:
        return []
    return [dmc.Checkbox(value=part, label=more_words(view, offer, part), mt="xs") for part in offer.more]


def _offered(look: AppLook, found: Standing) -> list[Component]:
    view, offer = look.view, found.offer
    if offer is None or found.waiting is not None:
        return [] if found.waiting else [html.P(view.t("upgrade.newest"), className="muted")]
    words = view.t("upgrade.there_is", version=offer.newer.version)
    act = [_button(view, "take", to=offer.newer.version)] if view.may(Permission.SUBSCRIBE) else []
    return [
        components.status(Tone.NOTICE, words),
        facts_of(view, look.app.manifest, offer),
        html.Div(act, className="entry-buttons left"),
    ]


def _waiting(view: TenantView, found: Standing) -> list[Component]:
    one = found.waiting
    if one is None:
        return []
    acts = [*(["anyway"] if one.state == "differs" else []), "stay"] if view.may(Permission.SUBSCRIBE) else []
    buttons = [_button(view, act, one.id, one.to_version) for act in acts]
    return [*waiting_words(view, one), html.Div(buttons, className="entry-buttons left")]


def _standing(look: AppLook, found: Standing) -> list[Component]:
    """Whether patches come by themselves, and the version that could come back."""
    view, one = look.view, look.subscription
    follows = one is not None and one.follow == Follow.PATCHES
    words = html.P(view.t("upgrade.follows" if follows else "upgrade.asks"), className="muted")
    if not view.may(Permission.SUBSCRIBE):
        return [words]
    buttons = [_button(view, "unfollow" if follows else "follow")]
    if found.former is not None:
        buttons.append(_button(view, "back", to=found.former))
    return [words, html.Div(buttons, className="entry-buttons left")]


def _button(view: TenantView, act: str, of: int = 0, to: str = "") -> Component:
    wish = {"role": "upgrade", "act": act, "of": of, "to": to}
    return components.quiet(view.t(f"upgrade.{act}", version=to), wish)


def _dialog(view: TenantView) -> list[Component]:
    body = [html.Div(id="upgrade-words"), dmc.CheckboxGroup(id="upgrade-agreed", value=[], children=[])]
    return [
        dialog("upgrade", view.t("market.confirm"), view.t("market.cancel"), body),
        dcc.Store(id="upgrade-wish"),
    ]
