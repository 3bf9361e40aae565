"""Notes of a shift on the hand-over page: written, changed, taken over, followed, and points closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment
from tundish_dashboards.handover.data import choose, read_report
from tundish_dashboards.theme import Tone
from tundish_platform.handover import (
    HandoverRefused,
    NoteChange,
    NoteSpec,
    UnknownHandover,
    change_note,
    close_point,
    moment,
    say,
    take_over,
)
from tundish_platform.handover.notes import MAX_TEXT
from tundish_platform.tenancy import AccessDenied, Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.handover import NoteView
    from tundish_platform.handover.files import Report

_MAX_ID: Final = 2**31 - 1
_KINDS: Final = ("new", "follow", "change")


def note_list(view: TenantView, report: Report | None) -> list[Component]:
    """Open points that were carried into the shift, and what it hands over itself."""
    if report is None:
        return []
    t = view.t
    may = view.scope.allows(Permission.HANDLE, report.facts.path)
    parts: list[Component] = []
    for title, notes in ((t("handover.carried"), report.carried), (t("handover.said"), report.said)):
        parts.append(html.H3(title))
        if notes:
            parts.append(components.entries([_entry(view, one, may=may) for one in notes]))
        else:
            parts.append(html.P(t("handover.none"), className="muted"))
    return parts


def note_form(view: TenantView) -> Component:
    """The form; hidden from who may not handle anything."""
    t = view.t
    parts = [
        html.Div(id="handover-form-what", className="muted", **components.announced()),
        *comment("handover-text", t("handover.text"), MAX_TEXT, 4),
        dmc.Checkbox(id="handover-point", label=t("handover.point"), checked=False),
        html.Div(
            [
                dmc.Button(t("handover.save"), id="handover-save", size="sm"),
                dmc.Button(t("handover.leave"), id="handover-leave", size="sm", variant="default"),
            ],
            className="entry-buttons left",
        ),
        dcc.Store(id="handover-doing", data={"kind": "new", "number": 0}),
    ]
    hidden = Permission.HANDLE not in view.person.principal.permissions(view.scope.slug)
    return html.Div(parts, className="handover-form", hidden=hidden, id="handover-form")


def register_notes(pages: Pages) -> None:
    """The buttons beside notes, and the form."""
    _register_form(pages)
    _register_settling(pages)

    @pages.on_tenant(
        Output("handover-doing", "data"),
        Output("handover-form-what", "children"),
        Output("handover-text", "value"),
        Output("handover-point", "checked"),
        Input({"role": "note-follow", "number": ALL}, "n_clicks"),
        Input({"role": "note-change", "number": ALL}, "n_clicks"),
        Input("handover-leave", "n_clicks"),
        Input("handover-shift", "value"),
        State("handover-place", "value"),
        State("handover-shift", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def prepare(
        view: TenantView, _f: object, _c: object, leave: object, shift: object, *at: object
    ) -> object:
        asked = wishes.click()
        if not asked:
            fresh = wishes.asker() == "handover-shift" or leave
            return ({"kind": "new", "number": 0}, "", "", False) if fresh else (no_update,) * 4
        number = wishes.whole(asked.get("number"), "the note", 0, _MAX_ID, 0)
        if asked.get("role") == "note-follow":
            return {"kind": "follow", "number": number}, view.t("handover.follows", n=number), "", False
        report = read_report(view, choose(view, at[0], shift))
        notes = [*report.said, *report.carried] if report else []
        standing = next((one for one in notes if one.id == number), None)
        if standing is None:
            return (no_update,) * 4
        what = view.t("handover.changes", n=number)
        return {"kind": "change", "number": number}, what, standing.text, standing.point


def _register_settling(pages: Pages) -> None:
    @pages.on_tenant(
        Output("handover-message", "children"),
        Output("handover-notes", "children", allow_duplicate=True),
        Input({"role": "note-take", "number": ALL}, "n_clicks"),
        Input({"role": "note-close", "number": ALL}, "n_clicks"),
        State("handover-place", "value"),
        State("handover-shift", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def settle(view: TenantView, _take: object, _close: object, place: object, shift: object) -> object:
        asked = wishes.click()
        if not asked:
            return no_update, no_update
        number = wishes.whole(asked.get("number"), "the note", 0, _MAX_ID, 0)
        do, words = (take_over, "taken") if asked.get("role") == "note-take" else (close_point, "closed")
        try:
            with view.context.metadata.session() as session:
                do(session, view.scope, number, utc_now())
        except HandoverRefused as refused:
            return components.refused(view.t, refused), no_update
        except UnknownHandover:
            return components.notice(Tone.BAD, view.t("handover.gone"), ""), no_update
        shown = note_list(view, read_report(view, choose(view, place, shift)))
        return components.done(view.t(f"handover.{words}")), shown


def _register_form(pages: Pages) -> None:
    @pages.on_tenant(
        Output("handover-message", "children", allow_duplicate=True),
        Output("handover-notes", "children", allow_duplicate=True),
        Output("handover-text", "value", allow_duplicate=True),
        Output("handover-point", "checked", allow_duplicate=True),
        Output("handover-doing", "data", allow_duplicate=True),
        Output("handover-form-what", "children", allow_duplicate=True),
        Input("handover-save", "n_clicks"),
        State("handover-text", "value"),
        State("handover-point", "checked"),
        State("handover-doing", "data"),
        State("handover-place", "value"),
        State("handover-shift", "value"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def save(
        view: TenantView, clicks: object, text: object, point: object, doing: object, *at: object
    ) -> object:
        if not clicks:
            return (no_update,) * 6
        problem = _save(view, wishes.word(text, "the note", MAX_TEXT), point is True, doing, at)
        if problem is not None:
            return problem, *[no_update] * 5
        shown = note_list(view, read_report(view, choose(view, *at)))
        return components.done(view.t("handover.saved")), shown, "", False, {"kind": "new", "number": 0}, ""


def _save(
    view: TenantView, text: str, point: bool, doing: object, at: tuple[object, ...]
) -> Component | None:
    """Write it down, or say why not."""
    wish = doing if isinstance(doing, dict) else {}
    kind = wishes.one_of(wish.get("kind"), "what is done", _KINDS, "new")
    number = wishes.whole(wish.get("number"), "the note", 0, _MAX_ID, 0)
    choice = choose(view, *at)
    if choice.place is None or choice.shift is None:
        return components.notice(Tone.BAD, view.t("handover.no_plan"), "")
    try:
        with view.context.metadata.session() as session:
            if kind == "change":
                change = NoteChange(text=text, point=point)
                change_note(session, view.scope, number, change, utc_now())
            else:
                spec = NoteSpec(
                    path=choice.place.path, shift_start=moment(choice.shift.start), text=text, point=point,
                    follows=number if kind == "follow" else None,
                )  # fmt: skip
                say(session, view.scope, spec, utc_now())
    except ValidationError:
        return components.notice(Tone.BAD, view.t("handover.empty"), "")
    except HandoverRefused as refused:
        return components.refused(view.t, refused)
    except (UnknownHandover, AccessDenied):
        return components.notice(Tone.BAD, view.t("handover.gone"), "")
    return None


def _entry(view: TenantView, one: NoteView, *, may: bool) -> Component:
    t, formats = view.t, view.formats
    mark = components.status(
        Tone.NOTICE if one.point and one.closed_at is None else Tone.QUIET,
        t("handover.is_point" if one.point else "handover.is_note"),
    )
    taken = (
        t("handover.taken_by", by=one.taken_by, at=formats.moment(one.taken_at, seconds=False))
        if one.taken_at
        else t("handover.not_taken")
    )
    closed = (
        t("handover.closed_by", by=one.closed_by, at=formats.moment(one.closed_at, seconds=False))
        if one.closed_at
        else ""
    )
    said = t("handover.said_by", by=one.said_by, at=formats.moment(one.said_at, seconds=False))
    follows = t("handover.follows", n=one.follows) if one.follows else ""
    head = [mark, html.Span(f" #{one.id} "), html.Span(one.text, className="note-text")]
    return components.entry(head, [said, taken, follows, closed], _buttons(view, one) if may else ())


def _buttons(view: TenantView, one: NoteView) -> list[Component]:
    t, own = view.t, one.said_by == view.scope.principal
    wanted = []
    if one.taken_at is None:
        wanted.append("change" if own else "take")
    if one.point and one.closed_at is None:
        wanted.append("close")
    return [
        components.quiet(
            t(f"handover.do_{what}"),
            {"role": f"note-{what}", "number": one.id},
            t("handover.do_to", what=t(f"handover.do_{what}"), n=one.id),
        )
        for what in (*wanted, "follow")
    ]
