"""Notes on the explorer's chart: shown, made and taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.explorer.window import wished_window
from tundish_dashboards.theme import PRIMARY, Tone
from tundish_dashboards.trends import local_text, plain_text
from tundish_platform.annotations import (
    AnnotationRefused,
    AnnotationSpec,
    UnknownAnnotation,
    annotate,
    remove_annotation,
)
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.annotations import AnnotationView
    from tundish_platform.samples import SignalInfo

_LABEL: Final = 24
_LONGEST: Final = 500
# A site is the least that a note can be about.
_HIGHEST: Final = 1


def note_form(view: TenantView) -> list[Component]:
    """The notes of the window, and for who may a field for another one."""
    t = view.t
    # Who may not write gets the parts all the same, unseen: the chart's answer fills the list of places.
    form = html.Div(
        [
            dmc.TextInput(
                id="explorer-note-text",
                value="",
                size="xs",
                placeholder=t("explorer.note_text"),
                className="grow",
                **components.labelled(t("explorer.note_text")),
            ),
            components.select("explorer-note-place", t("explorer.note_place"), [], None, 280),
            components.quiet(t("explorer.note_add"), "explorer-note-add"),
        ],
        className="controls",
        hidden=not view.may(Permission.HANDLE),
    )
    return [html.Div(id="explorer-notes"), html.Div(id="explorer-note-message", role="status"), form]


def places(signals: Sequence[SignalInfo]) -> list[dict[str, str]]:
    """The signals' own paths and what lies above them, each once, the nearest first."""
    found: set[str] = set()
    for signal in signals:
        parts = signal.path.split("/")
        found |= {"/".join(parts[:depth]) for depth in range(_HIGHEST, len(parts) + 1)}
    return [{"value": path, "label": path} for path in sorted(found, key=lambda p: (-p.count("/"), p))]


def note_marks(view: TenantView, notes: Sequence[AnnotationView]) -> list[dict[str, Any]]:
    """A band, or a line for a moment, over the whole height of the chart."""
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": local_text(view, note.starts_at),
            "x1": local_text(view, note.ends_at),
            "y0": 0,
            "y1": 1,
            "line": {"width": 1, "color": PRIMARY, "dash": "dash"},
            "fillcolor": PRIMARY,
            "opacity": 0.12,
            "layer": "below",
            "label": {
                "text": plain_text(_short(note.text)),
                "font": {"size": 11, "color": PRIMARY},
                "textposition": "bottom left",
            },
        }
        for note in notes
    ]


def notes_list(view: TenantView, notes: Sequence[AnnotationView]) -> Component:
    """What was noted, by whom, and of when."""
    if not notes:
        return html.P(view.t("explorer.no_notes"), className="muted")
    return components.entries([_entry(view, note) for note in notes])


def _entry(view: TenantView, note: AnnotationView) -> Component:
    t, formats = view.t, view.formats
    where = {"role": "explorer-unnote", "number": note.id}
    remove = components.quiet(t("explorer.note_remove"), where, t("explorer.note_remove_what", n=note.id))
    facts: list[Any] = [
        " – ".join(formats.moment(at) for at in dict.fromkeys((note.starts_at, note.ends_at))),
        html.Span(note.path, className="code"),
        t("explorer.note_by", who=note.said_by, at=formats.moment(note.said_at)),
    ]
    may = view.scope.allows(Permission.HANDLE, note.path)
    return components.entry(html.Span(note.text), facts, [remove] if may else [])


def register_notes(pages: Pages) -> None:
    """Making a note of the window that is shown, and taking one away."""

    @pages.on_tenant(
        Output("explorer-noted", "data"),
        Output("explorer-note-message", "children"),
        Output("explorer-note-text", "value"),
        Input("explorer-note-add", "n_clicks"),
        Input({"role": "explorer-unnote", "number": ALL}, "n_clicks"),
        State("explorer-note-text", "value"),
        State("explorer-note-place", "value"),
        State("explorer-shown", "data"),
        initially=False,
        permission=Permission.HANDLE,
    )
    def note(
        view: TenantView, adding: object, _removing: object, text: object, place: object, shown: object
    ) -> tuple[Any, ...]:
        now, clicked = datetime.now(UTC), wishes.click()
        if clicked:
            return _removed(view, wishes.whole(clicked.get("number"), "the note", 0, 2**31 - 1, 0), now)
        if isinstance(wishes.asker(), dict) or not adding:
            return no_update, no_update, no_update
        said, path = wishes.word(text, "the note", 10 * _LONGEST), wishes.word(place, "the place", 400)
        if not said.strip() or not path or shown is None:
            return _told(view, "explorer.note_lacks")
        window = wished_window(shown, view.formats.zone, now)
        return _made(view, said, path, (window.start, window.end), now)


def _made(
    view: TenantView, text: str, path: str, window: tuple[datetime, datetime], now: datetime
) -> tuple[Any, ...]:
    try:
        spec = AnnotationSpec(path=path, text=text, starts_at=window[0], ends_at=window[1])
        with view.context.metadata.session() as session:
            kept = annotate(session, view.scope, spec, now)
    except ValidationError:
        return _told(view, "explorer.note_too_long")
    except AnnotationRefused as refused:
        return no_update, components.refused(view.t, refused), no_update
    except AccessDenied:
        return _told(view, "explorer.note_elsewhere")
    return kept.id, components.done(view.t("explorer.noted")), ""


def _removed(view: TenantView, number: int, now: datetime) -> tuple[Any, ...]:
    try:
        with view.context.metadata.session() as session:
            remove_annotation(session, view.scope, number, now)
    except UnknownAnnotation:
        return _told(view, "explorer.note_gone")
    return -number, components.done(view.t("explorer.note_removed")), no_update


def _told(view: TenantView, key: str) -> tuple[Any, ...]:
    """Why nothing was done; what was written stays."""
    return no_update, components.notice(Tone.NOTICE, view.t(key), ""), no_update


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"
