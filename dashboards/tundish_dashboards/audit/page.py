"""Layout and callbacks of the audit trail's page, and its export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, html, no_update
from flask import Blueprint, Response, abort

from tundish_dashboards import components, wishes
from tundish_dashboards.recent import Recent
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.audit import Verdict, entries_of, verify_trail
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.audit import Entry

SHOWN: Final = 50
_BLOCK: Final = 1_000
_MOST: Final = 2**62
# Following a long trail takes seconds, and its end is the same for whoever asks.
_VERDICT_KEPT_S: Final = 60.0
_LINES: Final = "application/x-ndjson"


def audit_page(pages: Pages, path: str) -> Component:
    """The newest entries, and what can be said of the whole trail."""
    view = pages.view(path, Permission.MANAGE)
    t = view.t
    zone = html.Div(t("plant.zone", zone=view.formats.zone_text(utc_now())), className="aside")
    verify = dmc.Button(t("audit.verify"), id="audit-verify", size="xs", variant="default")
    export = html.A(
        t("audit.export"), href=f"{Route(Page.AUDIT, view.scope.slug).path}/export", className="button"
    )
    return html.Div(
        [
            html.Div([html.H1(t("audit.title", tenant=view.name)), zone], className="page-head"),
            components.panel(
                t("audit.whole"),
                [
                    html.P(t("audit.words"), className="muted"),
                    html.Div(
                        components.status(Tone.QUIET, t("audit.unverified")),
                        id="audit-verdict",
                        role="status",
                        **components.announced(),
                    ),
                ],
                aside=[verify, export],
            ),
            components.panel(t("audit.entries"), html.Div(_entries(view, 0), id="audit-entries")),
        ]
    )


def register_audit(pages: Pages) -> None:
    """Paging through the trail, and following it from its beginning."""
    kept: Recent[tuple[Verdict, datetime]] = Recent(_VERDICT_KEPT_S)

    @pages.on_tenant(
        Output("audit-entries", "children"),
        Input({"role": "audit-before", "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def turn(view: TenantView, _clicks: object) -> object:
        if not (asked := wishes.click()):
            return no_update
        return _entries(view, wishes.whole(asked.get("number"), "the entry", 0, _MOST, 0))

    @pages.on_tenant(
        Output("audit-verdict", "children"),
        Input("audit-verify", "n_clicks"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def verify(view: TenantView, clicks: object) -> object:
        if not clicks:
            return no_update

        def follow() -> tuple[Verdict, datetime]:
            with view.context.metadata.session() as session:
                return verify_trail(session), utc_now()

        return _verdict(view, *kept.get("whole trail", follow))


def _verdict(view: TenantView, verdict: Verdict, at: datetime) -> Component:
    t = view.t
    number, moment = view.formats.number, view.formats.moment(at)
    if verdict.faults:
        faults: list[Component] = [
            html.P(t("audit.broken_words")),
            *(html.P(fault, className="code") for fault in verdict.faults),
        ]
        return components.notice(Tone.BAD, t("audit.broken", at=moment), faults)
    anchor = html.P([t("audit.anchor", n=verdict.last), " ", html.Code(verdict.digest, className="code")])
    return components.notice(Tone.GOOD, t("audit.sound", at=moment, n=number(verdict.entries, 0)), anchor)


def _entries(view: TenantView, before: int) -> Component:
    """A page of entries, and the ways to the next and back to the newest."""
    t = view.t
    with view.context.metadata.session() as session:
        found = entries_of(session, view.scope, before=before or None, limit=SHOWN + 1)
    if not found:
        return components.nothing(t("audit.none"), t("audit.none_then"))
    shown = found[:SHOWN]
    last = shown[-1].number if len(found) > SHOWN else None
    ways = components.ways((t("audit.newest"), t("audit.older")), "audit-before", before, last)
    rows: list[Any] = [html.Li(_entry(view, one)) for one in shown]
    return html.Div([html.Ol(rows, className="trail"), ways])


def _entry(view: TenantView, one: Entry) -> list[Component]:
    action = view.t.maybe(f"action.{one.action}", one.action)
    return [
        html.Span(view.formats.moment(one.at), className="when number"),
        html.Span([html.Strong(action), html.Span(one.actor, className="muted")], className="trail-what"),
        html.Span(
            [html.Span(one.subject), html.Span(_detail(one.detail), className="muted")],
            className="code trail-of",
        ),
        html.Span(f"#{one.number}", className="muted number trail-number", title=one.digest),
    ]


def _detail(detail: str | None) -> str:
    said = json.loads(detail or "{}")
    return " · ".join(
        f"{name}: {_plain(value)}" for name, value in said.items() if value not in ("", None, [], {})
    )


def _plain(value: object) -> str:
    match value:
        case str():
            return value
        case [[str(), str()], *_] if isinstance(value, list):
            return ", ".join(" @ ".join(str(part) for part in pair if part) for pair in value)
    return json.dumps(value, ensure_ascii=False)


def audit_export(pages: Pages) -> Blueprint:
    """The tenant's whole trail as a file, a line an entry, newest first."""
    routes = Blueprint("audit", __name__)

    @routes.get("/audit/<tenant>/export")
    def export(tenant: str) -> Response:
        try:
            view = pages.view(Route(Page.AUDIT, tenant).path, Permission.MANAGE)
        except AccessDenied:
            abort(404)
        name = f"audit-{view.scope.slug}-{utc_now():%Y%m%d}.ndjson"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(_lines(view), mimetype=_LINES, headers=headers)

    return routes


def _lines(view: TenantView) -> Iterator[bytes]:
    """Block by block, so that a slow reader holds no transaction open."""
    before: int | None = None
    while True:
        with view.context.metadata.session() as session:
            block = entries_of(session, view.scope, before=before, limit=_BLOCK)
        yield from (entry.line().encode() + b"\n" for entry in block)
        if len(block) < _BLOCK:
            return
        before = block[-1].number
