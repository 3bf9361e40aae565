"""A subscription on its app's page: how it stands, what it used, what it may read, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import dialog
from tundish_dashboards.money.amounts import plan_words, price_words, yuan
from tundish_dashboards.theme import Tone
from tundish_platform.assets import find_signals
from tundish_platform.marketplace import (
    GrantRefused,
    NotSubscribed,
    UnknownApp,
    UnknownPlan,
    cancel,
    change_plan,
    changes_of,
    give_grant,
    pause,
    restart,
    resume,
    withdraw_grant,
)
from tundish_platform.marketplace.billing.statements import preview
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.market.look import AppLook
    from tundish_platform.marketplace import ChangeView, SubscriptionView

_ACTS: Final = ("pause", "resume", "plan", "cancel", "withdraw", "give", "restart")
_KEEP, _REMOVE = "keep", "remove"
_SHOWN: Final = 30
_NAMED: Final = 6
_MAX_ID: Final = 2**31 - 1
_TONES: Final = {"trial": Tone.NOTICE, "active": Tone.GOOD, "paused": Tone.QUIET, "stopped": Tone.QUIET}


def subscription_panel(look: AppLook) -> Component | None:
    """The panel with its dialog; none for who may not read all of the tenant, or where nothing ever was."""
    view = look.view
    try:
        with view.context.metadata.session() as session:
            told = changes_of(session, view.scope, view.app, limit=_SHOWN)
    except AccessDenied:
        return None
    subscription = look.subscription
    if subscription is None and not told:
        return None
    t = view.t
    body: list[Any] = []
    if subscription is not None:
        body = [_facts(look, subscription), _buttons(look, subscription), *_grants(look, subscription)]
    history = html.Ol([html.Li(_change(view, one)) for one in told], className="trail")
    body.append(components.more(t("life.history", n=len(told)), history))
    return components.panel(t("life.title"), [*body, *_dialog(view)], id="app-life")


def register_life(pages: Pages) -> None:
    """Asking, and doing what was confirmed."""

    @pages.on_tenant(
        Output("life-dialog", "opened"),
        Output("life-dialog-what", "children"),
        Output("life-words", "children"),
        Output("life-choice", "data"),
        Output("life-choice", "value"),
        Output("life-choice", "display"),
        Output("life-wish", "data"),
        Input({"role": "life", "act": ALL, "of": ALL}, "n_clicks"),
        Input("life-no", "n_clicks"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def ask(view: TenantView, _clicks: object, _no: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return False, *(no_update,) * 5, None
        act = wishes.one_of(asked.get("act"), "what is to be done", _ACTS, "pause")
        choices = _choices(view, act)
        wish = {"act": act, "of": wishes.whole(asked.get("of"), "the signal", 0, _MAX_ID, 0)}
        first = choices[0]["value"] if choices else None
        shown = "block" if choices else "none"
        return True, view.t(f"life.{act}_title"), view.t(f"life.{act}_words"), choices, first, shown, wish

    @pages.on_tenant(
        Output("life-dialog", "opened", allow_duplicate=True),
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("life-yes", "n_clicks"),
        State("life-wish", "data"),
        State("life-choice", "value"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, wish: object, choice: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return False, no_update, no_update
        act = wishes.one_of(wish.get("act"), "what is to be done", _ACTS, "pause")
        signal = wishes.whole(wish.get("of"), "the signal", 0, _MAX_ID, 0)
        said = _done(view, act, signal, wishes.word(choice, "the choice", 40))
        return False, said, f"life/{utc_now().isoformat()}"


def _done(view: TenantView, act: str, signal: int, choice: str) -> Component:
    t, scope, app = view.t, view.scope, view.app
    try:
        with view.context.metadata.session() as session:
            match act:
                case "pause":
                    pause(session, scope, app)
                case "resume":
                    resume(session, scope, app)
                case "plan":
                    change_plan(session, scope, view.context.catalogue, app, choice)
                case "cancel":
                    cancel(session, scope, app, remove_outputs=choice == _REMOVE)
                case "restart":
                    restart(session, scope, app, utc_now())
                case "withdraw":
                    withdraw_grant(session, scope, app, signal)
                case _:
                    (found,) = find_signals(session, scope, [signal])
                    give_grant(session, scope, view.context.catalogue, app, found)
    except (NotSubscribed, UnknownApp, UnknownPlan, GrantRefused, LookupError):
        return components.notice(Tone.BAD, t("life.changed_meanwhile"), t("life.changed_then"))
    return components.done(t(f"life.{act}_done"))


def _facts(look: AppLook, one: SubscriptionView) -> Component:
    view, now = look.view, utc_now()
    t, formats = view.t, view.formats
    state = one.state(now)
    with view.context.metadata.session() as session:
        days, lines = preview(session, view.scope, now.astimezone(formats.zone).date(), now)
    mine = [day for day in days if day.subscription == one.id]
    owed = sum(line.amount_fen for line in lines if line.subscription == one.id)
    used = t(
        "life.used", runs=sum(day.runs for day in mine), accepted=sum(day.accepted for day in mine),
        rows=formats.number(sum(day.rows for day in mine), 0), amount=yuan(formats, owed),
    )  # fmt: skip
    charged = price_words(t, formats, one.plan_kind, one.fen)
    pairs: list[tuple[str, Any]] = [
        (t("life.state"), components.status(_TONES[state], t(f"life.{state}"))),
        (
            t("life.plan_name"),
            f"{_plan_name(look, one.plan)} · {charged}",
        ),
        (t("life.since"), f"{formats.moment(one.started_at, seconds=False)} · {one.started_by}"),
        (t("life.month"), used),
    ]
    if one.trial_until is not None and now < one.trial_until:
        pairs.insert(2, (t("life.trial_until"), formats.moment(one.trial_until, seconds=False)))
    return components.facts(pairs)


def _plan_name(look: AppLook, key: str) -> str:
    for plan in look.app.manifest.offers:
        if plan.key == key:
            return look.view.t.of(plan.name.zh, plan.name.en)
    return key


def _buttons(look: AppLook, one: SubscriptionView) -> Component:
    if not look.view.may(Permission.SUBSCRIBE):
        return html.P(look.view.t("market.may_not"), className="muted")
    acts = ["pause" if one.running else "resume"]
    acts += ["plan"] if len(look.app.manifest.offers) > 1 else []
    return html.Div([_button(look.view, act) for act in (*acts, "cancel")], className="entry-buttons left")


def _button(view: TenantView, act: str, signal: int = 0, name: str = "") -> Component:
    words = view.t(f"life.{act}")
    return components.quiet(words, {"role": "life", "act": act, "of": signal}, f"{words} {name}".strip())


def _grants(look: AppLook, one: SubscriptionView) -> list[Component]:
    view = look.view
    granted = frozenset(one.signals)
    may = view.may(Permission.SUBSCRIBE)
    serving = frozenset(signal.id for signal in look.choice.signals)
    rows = []
    for signal in look.stock.signals:
        held = signal.id in granted
        if not held and signal.id not in serving:
            continue
        name = view.t.of(signal.name_zh, signal.name_en)
        state = components.status(
            Tone.GOOD if held else Tone.QUIET, view.t("life.granted" if held else "life.not_granted")
        )
        button = [_button(view, "withdraw" if held else "give", signal.id, name)] if may else []
        rows.append(components.entry([name, " ", state], [html.Span(signal.path, className="code")], button))
    listed = components.entries(rows)
    return [components.more(view.t("life.grants", n=len(granted)), listed)]


def _change(view: TenantView, one: ChangeView) -> list[Component]:
    t = view.t
    signals = [*one.detail.get("signals", ()), *([one.detail["signal"]] if "signal" in one.detail else [])]
    numbers = t("match.join").join(str(number) for number in signals[:_NAMED])
    of = t("life.signal" if len(signals) <= _NAMED else "life.signals", n=numbers) if signals else ""
    return [
        html.Span(view.formats.moment(one.at), className="when number"),
        html.Span([html.Strong(t(f"life.act_{one.act}")), html.Span(one.by, className="muted")],
                  className="trail-what"),
        html.Span(of or price_words(t, view.formats, one.plan_kind, one.fen), className="muted trail-of"),
        html.Span(),
    ]  # fmt: skip


def _choices(view: TenantView, act: str) -> list[dict[str, str]]:
    t = view.t
    if act == "cancel":
        return [{"value": one, "label": t(f"life.{one}")} for one in (_KEEP, _REMOVE)]
    app = view.context.catalogue.apps.get(view.app) if act == "plan" else None
    offers = app.manifest.offers if app else ()
    return [{"value": plan.key, "label": plan_words(t, view.formats, plan)} for plan in offers]


def _dialog(view: TenantView) -> list[Component]:
    choice = components.select("life-choice", view.t("life.choice"), [], None)
    body = [html.Div(id="life-words"), choice]
    return [
        dialog("life", view.t("market.confirm"), view.t("market.cancel"), body),
        dcc.Store(id="life-wish"),
    ]
