"""Publishing by an officer: what would be published is shown first, and only that is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.theme import Tone
from tundish_platform.api.adoption import ready
from tundish_platform.programme.published import Moved, NothingToPublish, last_head, preview, publish
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.published import Preview

LOG: Final = "/api/v1/figures/log"
HEAD: Final = "/api/v1/figures/head"
_REASON: Final = 400
_MARK: Final = 64


def publishing_panel(pages: Pages, person: Person) -> Component:
    """What was published last, the button, and the files by which anybody checks it."""
    t = person.t
    links = [
        html.A(t("publish.log"), href=LOG, download="figures-log.json", className="button"),
        html.A(t("publish.head"), href=HEAD, download="figures-head.json", className="button"),
    ]
    return components.panel(
        t("publish.title"),
        [
            html.P(t("publish.words"), className="muted"),
            html.Div(_last(pages, person), id="publish-last"),
            html.Div(
                [dmc.Button(t("publish.open"), id="publish-open", size="xs"), *links],
                className="entry-buttons left",
            ),
            html.P([t("publish.verify"), " ", html.Code("tundish programme verify figures-log.json")],
                   className="muted small"),
            dialog("publish", t("publish.yes"), t("publish.no"),
                   [html.Div(id="publish-what"), *comment("publish-reason", t("publish.reason"), _REASON)]),
            dcc.Store(id="publish-mark"),
        ],
        id="bureau-publish",
    )  # fmt: skip


def register_publishing(pages: Pages, version: Callable[[object], str]) -> None:
    """The dialog that names what is published, and publishing it."""

    @pages.on_programme(
        Output("publish-dialog", "opened"),
        Output("publish-dialog-what", "children"),
        Output("publish-dialog-problem", "children"),
        Output("publish-what", "children"),
        Output("publish-mark", "data"),
        Output("publish-last", "children"),
        Input("publish-open", "n_clicks"),
        Input("publish-yes", "n_clicks"),
        Input("publish-no", "n_clicks"),
        State("publish-reason", "value"),
        State("publish-mark", "data"),
        State("bureau-rule", "value"),
        initially=False,
    )
    def act(person: Person, opens: object, yes: object, _no: object, *said: object) -> tuple[Any, ...]:
        reason, moment, rule = said
        t, asked = person.t, wishes.asker()
        if asked == "publish-open" and opens:
            return True, t("publish.question"), None, *_asked(pages, person, version(rule)), no_update
        if asked != "publish-yes" or not yes:
            return False, no_update, None, no_update, no_update, no_update
        why = wishes.word(reason, "the reason", _REASON).strip()
        shown = wishes.word(moment, "the mark", _MARK)
        problem = published(pages, person, version(rule), shown, why)
        if problem is not None:
            return True, no_update, problem, no_update, no_update, no_update
        return False, no_update, None, no_update, None, _last(pages, person, done=True)


def published(pages: Pages, person: Person, version: str, shown: str, reason: str) -> Component | None:
    """Publish what the dialog named; what hinders it, where something does."""
    t, now = person.t, utc_now()
    signer = pages.context.figures
    if signer is None or not shown:
        return components.notice(Tone.BAD, t("publish.nothing"), t("publish.no_key"))
    rule = ready(pages.context, person.principal, version, now)
    try:
        with pages.context.metadata.above(Above.ADOPTION).session() as session:
            publish(session, signer, rule, person.principal.name, now, reason, seen=shown)
    except NothingToPublish:
        return components.notice(Tone.BAD, t("publish.nothing"), t("publish.nothing_then"))
    except Moved:
        return components.notice(Tone.BAD, t("publish.moved"), t("publish.moved_then"))
    return None


def _asked(pages: Pages, person: Person, version: str) -> tuple[Component, str | None]:
    """What would be published, in words, and the mark of exactly that."""
    t, signer = person.t, pages.context.figures
    if signer is None:
        return components.notice(Tone.BAD, t("publish.nothing"), t("publish.no_key")), None
    rule = ready(pages.context, person.principal, version, utc_now())
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        try:
            found = preview(session, signer, rule)
        except NothingToPublish:
            return components.notice(Tone.NOTICE, t("publish.nothing"), t("publish.few")), None
    return _named(person, version, found), found.mark


def _named(person: Person, version: str, found: Preview) -> Component:
    t, formats = person.t, person.formats
    whole = [one for one in found.figures if one.region == one.industry == ""]
    rows = [
        [html.Span(one.name, className="code"), formats.number(one.value, 0),
         t("publish.exact" if one.exact else "publish.rounded")]
        for one in whole
    ]  # fmt: skip
    head = [t(f"publish.{name}") for name in ("figure", "value", "how")]
    parts: list[Component] = [
        components.facts(
            [(t("publish.rule"), version), (t("publish.moment"), formats.moment(found.moment)),
             (t("publish.figures"), formats.number(len(found.figures), 0))]
        ),
        components.table(head, rows, t("publish.city")),
        html.P(t("publish.cells", n=len(found.figures) - len(whole)), className="muted small"),
    ]  # fmt: skip
    if found.stands:
        parts.append(components.notice(Tone.NOTICE, t("publish.stands"), t("publish.stands_then")))
    return html.Div(parts)


def _last(pages: Pages, person: Person, *, done: bool = False) -> list[Component]:
    t = person.t
    with pages.context.metadata.session() as session:
        head = last_head(session)
    if head is None:
        return [components.nothing(t("publish.never"), t("publish.never_then"))]
    at: datetime = head.at
    said = [components.done(t("publish.done", n=head.size))] if done else []
    facts: list[tuple[str, Any]] = [(t("publish.size"), person.formats.number(head.size, 0)),
             (t("publish.at"), person.formats.moment(at)),
             (t("publish.root"), html.Span(head.root, className="code"))]  # fmt: skip
    return [*said, components.facts(facts)]
