"""Layout and callbacks of the models' page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, dcc, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.models.detail import model_detail
from tundish_dashboards.models.rows import model_list
from tundish_dashboards.theme import Tone
from tundish_platform.model_registry import (
    Decision,
    DecisionRefused,
    DecisionSpec,
    UnknownModel,
    decide,
    find_model,
)
from tundish_platform.model_registry import State as ModelState
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_MAX_ID: Final = 2**31 - 1
_ALL: Final = "all"
_LONGEST: Final = 500


def models_page(pages: Pages, path: str) -> Component:
    """The list of versions; one of them takes its place when it is opened."""
    view = pages.view(path)
    t = view.t
    states = [{"value": _ALL, "label": t("models.all")}]
    states += [{"value": one.value, "label": t(f"model_state.{one}")} for one in ModelState]
    choice = components.select("model-state", t("models.choice"), states, _ALL, 150)
    zone = html.Div(t("plant.zone", zone=view.formats.zone_text(datetime.now(UTC))), className="aside")
    listed = components.panel(
        t("models.versions"), html.Div(model_list(view, None, 0), id="model-list"), aside=choice
    )
    return html.Div(
        [
            html.Div([html.H1(t("models.title", tenant=view.name)), zone], className="page-head"),
            html.Div(id="model-message", role="status", **components.announced()),
            html.Div(id="model-detail"),
            html.Div(listed, id="model-list-box"),
            _dialog(view),
            dcc.Store(id="model-wish"),
            dcc.Store(id="model-changed"),
        ]
    )


def _dialog(view: TenantView) -> Component:
    t = view.t
    body = [html.P(id="model-dialog-words"), *comment("model-reason", t("models.reason"), _LONGEST)]
    return dialog("model", t("models.confirm"), t("models.cancel"), body)


def register_models(pages: Pages) -> None:
    """Opening a version, turning pages, and asking for a reason before something is decided."""
    _register_looking(pages)
    _register_deciding(pages)


def _register_looking(pages: Pages) -> None:
    @pages.on_tenant(
        Output("model-detail", "children"),
        Output("model-list-box", "hidden"),
        Output("model-message", "children"),
        Input({"role": "model-open", "model": ALL}, "n_clicks"),
        initially=False,
    )
    def open_one(view: TenantView, _clicks: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return (no_update,) * 3
        number = wishes.whole(asked.get("model"), "the model", 0, _MAX_ID, 0)
        if not number:
            return None, False, None
        return model_detail(view, number), True, None

    @pages.on_tenant(
        Output("model-list", "children"),
        Input("model-state", "value"),
        Input("model-changed", "data"),
        Input({"role": "model-before", "number": ALL}, "n_clicks"),
        initially=False,
    )
    def turn(view: TenantView, wish: object, _changed: object, _clicks: object) -> object:
        known = (_ALL, *(one.value for one in ModelState))
        choice = wishes.one_of(wish, "the state", known, _ALL)
        before = wishes.whole(wishes.click().get("number"), "the page", 0, _MAX_ID, 0)
        return model_list(view, None if choice == _ALL else ModelState(choice), before)


def _register_deciding(pages: Pages) -> None:
    @pages.on_tenant(
        Output("model-dialog", "opened"),
        Output("model-dialog-what", "children"),
        Output("model-dialog-words", "children"),
        Output("model-dialog-problem", "children"),
        Output("model-reason", "value"),
        Output("model-wish", "data"),
        Input({"role": "model-decide", "do": ALL, "model": ALL}, "n_clicks"),
        Input("model-no", "n_clicks"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def ask(view: TenantView, *_clicks: object) -> tuple[Any, ...]:
        if wishes.asker() == "model-no":
            return False, *[no_update] * 4, None
        if not (asked := wishes.click()):
            return (no_update,) * 6
        number, decision = _wish(asked)
        try:
            with view.context.metadata.session() as session:
                found = find_model(session, view.scope, number)
        except UnknownModel:
            return True, "", "", components.notice(Tone.BAD, view.t("models.gone"), ""), "", None
        title = view.t(f"model_decision.{decision.name.lower()}")
        words = view.t(f"model_decision_means.{decision.name.lower()}")
        return (
            True,
            f"{title.rstrip('…')}: {found.version}",
            words,
            None,
            "",
            {"do": decision.value, "model": number},
        )

    @pages.on_tenant(
        Output("model-dialog", "opened", allow_duplicate=True),
        Output("model-dialog-problem", "children", allow_duplicate=True),
        Output("model-detail", "children", allow_duplicate=True),
        Output("model-message", "children", allow_duplicate=True),
        Output("model-changed", "data"),
        Input("model-yes", "n_clicks"),
        State("model-wish", "data"),
        State("model-reason", "value"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def act(view: TenantView, clicks: object, wish: object, reason: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return (no_update,) * 5
        number, decision = _wish(wish)
        problem = _do(view, number, decision, wishes.word(reason, "the reason", _LONGEST))
        if problem is not None:
            return no_update, problem, no_update, no_update, no_update
        done = components.done(view.t("models.done"))
        return False, None, model_detail(view, number), done, clicks


def _wish(asked: dict[str, object]) -> tuple[int, Decision]:
    number = wishes.whole(asked.get("model"), "the model", 0, _MAX_ID, 0)
    return number, wishes.one_of(asked.get("do"), "the decision", list(Decision), Decision.APPROVE)


def _do(view: TenantView, number: int, decision: Decision, reason: str) -> Component | None:
    """Do it, or say why not."""
    try:
        spec = DecisionSpec(decision=decision, reason=reason.strip())
        with view.context.metadata.session() as session:
            decide(session, view.scope, number, spec, datetime.now(UTC))
    except ValidationError:
        return components.notice(Tone.BAD, view.t("models.reason_missing"), "")
    except DecisionRefused as refused:
        return components.refused(view.t, refused)
    except UnknownModel:
        return components.notice(Tone.BAD, view.t("models.gone"), "")
    return None
