"""The app's inputs against the plant: what serves, what could, why others cannot, what a person confirmed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.market.look import look_at
from tundish_dashboards.market.matchrows import match_row
from tundish_dashboards.theme import Tone
from tundish_platform.assets import list_signals
from tundish_platform.marketplace import MappingRefused, Standing, UnknownApp, confirm, running_app
from tundish_platform.marketplace.mapping import MOST
from tundish_platform.marketplace.matching import in_lines, lines_of, match, stock_of
from tundish_platform.marketplace.rhythm import measured_periods
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.market.look import AppLook

_MOST_LINES: Final = 200


def inputs_panel(look: AppLook) -> Component:
    """How many inputs are found, the lines to pick from, and a row for each input."""
    view, t = look.view, look.view.t
    if not look.app.manifest.inputs:
        none = components.status(Tone.GOOD, t("market.no_inputs"))
        return components.panel(t("app.inputs"), [none], id="app-inputs")
    lines = lines_of(look.stock.signals)
    picker = dmc.MultiSelect(
        id="match-lines", data=list(lines[:_MOST_LINES]), value=[], size="xs", searchable=True,
        label=t("match.lines"), description=t("match.lines_words"), hidePickedOptions=True,
    )  # fmt: skip
    body = [
        html.Div(_found(look)),
        *_changed(look),
        html.Div(picker, hidden=len(lines) < 2),  # noqa: PLR2004 - a single line needs no picking
        html.Div(_rows(look, []), id="match-inputs"),
        _button(view),
    ]
    return components.panel(t("app.inputs"), body, id="app-inputs", aside=_who(look))


def register_inputs(pages: Pages) -> None:
    """Picking lines, and confirming."""

    @pages.on_tenant(Output("match-inputs", "children"), Input("match-lines", "value"), initially=False)
    def pick(view: TenantView, lines: object) -> Any:  # noqa: ANN401 - a list of components
        try:
            return _rows(look_at(view), _picked(lines))
        except UnknownApp:
            return no_update

    @pages.on_tenant(
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("match-confirm", "n_clicks"),
        State({"role": "match-input", "key": ALL}, "value"),
        State({"role": "match-input", "key": ALL}, "id"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, values: object, ids: object) -> tuple[Any, ...]:
        if not clicks:
            return no_update, no_update
        chosen = {
            key: wishes.numbers(some, "the signals", MOST + 1)
            for key, some in wishes.filled(values, ids, "key").items()
        }
        problem, said = _confirm(view, chosen)
        return said, no_update if problem else f"match/{clicks}"


def _confirm(view: TenantView, chosen: dict[str, list[int]]) -> tuple[bool, Component]:
    """Keep the choice, or say why not; and which of both happened."""
    t = view.t
    try:
        with view.context.metadata.session() as session:
            manifest = running_app(session, view.scope, view.context.catalogue, view.app).manifest
            signals = list_signals(session, view.scope)
            choice = confirm(session, view.scope, manifest, chosen, signals, datetime.now(UTC))
    except UnknownApp:
        return True, components.notice(Tone.BAD, t("market.unknown_app"), t("market.unknown_app_then"))
    except MappingRefused as refused:
        return True, components.refused(t, refused)
    if choice.missing:
        return False, components.notice(Tone.NOTICE, t("match.kept"), t("match.still_missing"))
    return False, components.done(t("match.done", n=len(choice.signals)))


def _rows(look: AppLook, lines: list[str]) -> list[Component]:
    context, scope, manifest = look.view.context, look.view.scope, look.app.manifest
    known = in_lines(look.stock.signals, lines)
    periods = measured_periods(context.telemetry, scope, manifest, known)
    found = match(manifest, stock_of(known, periods), suggest=True)
    # Who picks lines wants their signals, not those that were confirmed before.
    before = [] if lines else look.confirmed
    names = {s.id: s for s in look.stock.signals}
    return [match_row(look.view, one, before, names, look.choice.missing) for one in found]


def _found(look: AppLook) -> Component:
    """For example: 9 of 10 inputs found; map the last."""
    t, fit = look.view.t, look.choice.fit
    all_ = len(look.app.manifest.inputs)
    words = t("market.inputs", found=len(fit.found), all=all_)
    if fit.usable and not fit.absent:
        return components.status(Tone.GOOD, words)
    names = {one.key: t.of(one.name.zh, one.name.en) for one in look.app.manifest.inputs}
    named = t("match.join").join(names[key] for key in (fit.missing or fit.absent))
    then = t("match.map_these" if fit.missing else "match.could_map", names=named)
    return components.status(Tone.BAD if fit.missing else Tone.GOOD, f"{words}{then}")


def _changed(look: AppLook) -> list[Component]:
    """Confirmed signals that are no longer what they were."""
    t = look.view.t
    lost = [one for one in look.confirmed if one.standing is not Standing.AS_CONFIRMED]
    if not lost:
        return []
    items = []
    for one in lost:
        parts = t("match.join").join(t(f"match_why.{name}") for name in one.changed)
        why = t(f"match_standing.{one.standing}", parts=parts)
        items.append(html.Li([html.Span(one.path, className="code"), " ", why]))
    return [components.notice(Tone.BAD, t("match.lost"), [html.Ul(items), html.Div(t("match.lost_then"))])]


def _who(look: AppLook) -> str:
    if not look.confirmed:
        return look.view.t("match.nobody")
    newest = look.confirmed[0]
    return look.view.t("match.by", by=newest.by, at=look.view.formats.moment(newest.at, seconds=False))


def _button(view: TenantView) -> Component:
    if not view.may(Permission.SUBSCRIBE):
        return html.Span(view.t("market.may_not"), className="muted")
    button: Component = dmc.Button(view.t("match.confirm"), id="match-confirm", size="xs", variant="light")
    return html.Div(
        [button, html.Span(view.t("match.confirm_words"), className="muted")], className="app-act"
    )


def _picked(lines: object) -> list[str]:
    if lines is None:
        return []
    given = lines if isinstance(lines, list) else [lines]
    return [wishes.word(one, "the line", 400) for one in given[:_MOST_LINES]]
