"""What an app reads beside signals: each kind with its purpose, a person's consent, the app's questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace import NotSubscribed, UnknownApp, running_app
from tundish_platform.marketplace.records import (
    Consent,
    Sheet,
    UnknownKind,
    answer,
    consent_to,
    consents,
    sheets,
)
from tundish_platform.sdk import RecordKind
from tundish_platform.sdk.questionnaire import AnswerRefused, Question, read_questionnaire
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.market.look import AppLook
    from tundish_platform.sdk import RecordWish

_MOST: Final = 200


def records_panel(look: AppLook) -> Component | None:
    """The kinds with their boxes to tick; nothing for an app that reads signals only."""
    wanted = look.app.manifest.records
    if not wanted:
        return None
    t = look.view.t
    granted = _granted(look)
    may = look.subscription is not None and _whole(look.view)
    boxes = [_box(look.view, wish, granted, open_=may) for wish in wanted]
    act = _button(look.view, "records-consent", "records.agree") if may else _why_not(look)
    words = html.Span(t("records.words"), className="muted")
    return components.panel(t("records.title"), [words, *boxes, act], id="app-records")


def questions_panel(look: AppLook) -> Component | None:
    """The questionnaire as a form with the newest answers in it; nothing for an app that asks nothing."""
    view, t = look.view, look.view.t
    if look.app.manifest.wish(RecordKind.ANSWERS) is None or view.scope.signals is not None:
        return None
    asked = read_questionnaire(look.app.folder)
    with view.context.metadata.session() as session:
        newest = next(iter(sheets(session, view.scope, view.app, limit=1)), None)
    fields: list[Component] = []
    for group in asked.groups:
        fields.append(html.H3(t.of(group.text.zh, group.text.en)))
        fields += [_field(view, one, newest) for one in asked.questions if one.group == group.key]
    act = _button(view, "records-answer", "records.save") if _whole(view) else html.Span(t("market.may_not"))
    source = html.Span(t.of(asked.source.zh, asked.source.en), className="muted")
    return components.panel(
        t("records.questions", version=asked.version), [source, *fields, act], id="app-questions",
        aside=_who(view, newest),
    )  # fmt: skip


def register_records(pages: Pages) -> None:
    """Agreeing, and answering."""

    @pages.on_tenant(
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("records-consent", "n_clicks"),
        State({"role": "record-kind", "key": ALL}, "checked"),
        State({"role": "record-kind", "key": ALL}, "id"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def agree(view: TenantView, clicks: object, values: object, ids: object) -> tuple[Any, ...]:
        if not clicks:
            return no_update, no_update
        kinds = [kind for kind, ticked in wishes.filled(values, ids, "key").items() if ticked is True]
        return _agree(view, kinds), f"records/{clicks}"

    @pages.on_tenant(
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("records-answer", "n_clicks"),
        State({"role": "record-answer", "key": ALL}, "value"),
        State({"role": "record-answer", "key": ALL}, "id"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def reply(view: TenantView, clicks: object, values: object, ids: object) -> tuple[Any, ...]:
        if not clicks:
            return no_update, no_update
        given = wishes.filled(values, ids, "key", _MOST)
        said = {key: one for key, one in given.items() if isinstance(one, str | int | float) and one != ""}
        return _reply(view, said), f"answers/{clicks}"


def _agree(view: TenantView, kinds: list[str]) -> Component:
    t = view.t
    try:
        with view.context.metadata.session() as session:
            manifest = running_app(session, view.scope, view.context.catalogue, view.app).manifest
            standing = consent_to(session, view.scope, manifest, kinds)
    except UnknownApp:
        return components.notice(Tone.BAD, t("market.unknown_app"), t("market.unknown_app_then"))
    except (NotSubscribed, UnknownKind):
        return components.notice(Tone.BAD, t("records.refused"), t("records.refused_then"))
    return components.done(t("records.agreed", n=len(standing)))


def _reply(view: TenantView, said: Mapping[str, float | str]) -> Component:
    t = view.t
    try:
        with view.context.metadata.session() as session:
            app = running_app(session, view.scope, view.context.catalogue, view.app)
            if not app.manifest.wish(RecordKind.ANSWERS):
                return components.notice(Tone.BAD, t("records.refused"), t("records.refused_then"))
            asked = read_questionnaire(app.folder)
            answer(session, view.scope, view.app, asked, said)
    except UnknownApp:
        return components.notice(Tone.BAD, t("market.unknown_app"), t("market.unknown_app_then"))
    except AnswerRefused as refused:
        return components.notice(Tone.BAD, t("records.bad_answer"), str(refused))
    return components.done(t("records.saved", n=len(said)))


def _granted(look: AppLook) -> dict[str, Consent]:
    if look.subscription is None:
        return {}
    with look.view.context.metadata.session() as session:
        return {one.kind: one for one in consents(session, look.view.scope, look.view.app)}


def _box(view: TenantView, wish: RecordWish, granted: Mapping[str, Consent], *, open_: bool) -> Component:
    t, one = view.t, granted.get(wish.kind)
    need = t(f"records.{wish.need}")
    since = (
        [] if one is None else [t("records.by", by=one.granted_by, at=view.formats.moment(one.granted_at))]
    )
    words = [t.of(wish.purpose.zh, wish.purpose.en), t("records.reach", days=wish.days), *since]
    box: Component = dmc.Checkbox(
        id={"role": "record-kind", "key": wish.kind.value},
        label=f"{t(f'record_kind.{wish.kind}')} ({need})",
        description=" ".join(words),
        checked=one is not None,
        disabled=not open_,
    )
    return html.Div([box, html.Span(", ".join(wish.fields), className="code")])


def _field(view: TenantView, one: Question, newest: Sheet | None) -> Component:
    t = view.t
    before = newest.answers.get(one.key) if newest else None
    same: dict[str, Any] = {
        "id": {"role": "record-answer", "key": one.key}, "label": t.of(one.text.zh, one.text.en),
        "size": "xs", "disabled": not _whole(view),
    }  # fmt: skip
    field: Component
    if one.choices:
        data = [{"value": c.key, "label": t.of(c.text.zh, c.text.en)} for c in one.choices]
        known = before if before in {choice.key for choice in one.choices} else None
        field = dmc.Select(data=data, value=known, clearable=True, **same)
    else:
        field = dmc.NumberInput(
            value=float(before) if before else "", min=one.low, max=one.high, suffix=f" {one.unit}".rstrip(),
            **same,
        )  # fmt: skip
    return field


def _whole(view: TenantView) -> bool:
    return view.may(Permission.SUBSCRIBE) and view.scope.signals is None


def _why_not(look: AppLook) -> Component:
    t = look.view.t
    return html.Span(t("records.after" if _whole(look.view) else "market.may_not"), className="muted")


def _button(view: TenantView, id: str, words: str) -> Component:  # noqa: A002 - Dash's word
    button: Component = dmc.Button(view.t(words), id=id, size="xs", variant="light")
    return html.Div(button, className="app-act")


def _who(view: TenantView, newest: Sheet | None) -> str:
    if newest is None:
        return view.t("records.nobody")
    return view.t("records.by", by=newest.said_by, at=view.formats.moment(newest.said_at))
