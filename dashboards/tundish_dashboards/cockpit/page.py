"""Layout and callbacks of the cockpit: it asks for news by itself and changes only what changed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.cockpit.data import Shown, shown_now
from tundish_dashboards.cockpit.parts import body_of
from tundish_dashboards.routes import Page, Route
from tundish_platform.tenancy import access_programme

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

TICK_MS: Final = 15_000
_DIGEST: Final = 64


def cockpit_page(pages: Pages, path: str) -> Component:
    """The frame over the whole window; it is filled at once, and then by its callbacks."""
    del path
    person = pages.person()
    access_programme(person.principal)
    t, found = person.t, shown_now(pages.context)
    return html.Section(
        [
            html.Header(
                [
                    html.H1(t("cockpit.title")),
                    html.Div(
                        [
                            html.Span(_at(t("cockpit.fresh"), "cockpit-fresh"), id="cockpit-fresh-words"),
                            html.Strong(
                                _at(t("cockpit.stale"), "cockpit-stale"), id="cockpit-stale-words",
                                hidden=True, role="alert",
                            ),
                            dcc.Link(t("cockpit.leave"), href=Route(Page.BUREAU).path),
                        ],
                        className="cockpit-aside",
                    ),
                ]
            ),
            html.Div(body_of(person, found, _now()), id="cockpit-body", className="cockpit-body"),
            dcc.Store(id="cockpit-digest", data=_digest(person, found)),
            html.Span(id="cockpit-beat", hidden=True),
            dcc.Interval(id="cockpit-tick", interval=TICK_MS),
            dcc.Interval(id="cockpit-watch", interval=1_000),
        ],
        id="cockpit",
        className="cockpit",
        **components.labelled(t("cockpit.title")),
    )  # fmt: skip


def register_cockpit(pages: Pages) -> None:
    """What keeps the cockpit fresh; the watch over it runs in the browser."""

    @pages.on_programme(
        Output("cockpit-body", "children"),
        Output("cockpit-digest", "data"),
        Output("cockpit-beat", "children"),
        Input("cockpit-tick", "n_intervals"),
        State("cockpit-digest", "data"),
        initially=False,
    )
    def refresh(person: Person, tick: object, digest: object) -> tuple[Any, ...]:
        found = shown_now(pages.context)
        beat, fresh = f"{_now().timestamp()}/{tick}", _digest(person, found)
        if fresh == wishes.word(digest, "the digest", _DIGEST):
            # Nothing changed, so nothing is drawn anew.
            return no_update, no_update, beat
        return body_of(person, found, _now()), fresh, beat

    # The beat is no input: Dash holds a callback back while one of its inputs is asked for, and a server that
    # never answers would keep the watch from saying so.
    pages.in_browser("watchCockpit", Output("cockpit", "className"), Input("cockpit-watch", "n_intervals"))


def _at(words: str, name: str) -> list[str | Component]:
    """Words with a time that the browser writes."""
    return [words, " ", html.Span(id=name, className="cockpit-time")]


def _now() -> datetime:
    return datetime.now(UTC)


def _digest(person: Person, found: Shown) -> str:
    """Of everything that is shown, the day among it: the month that is due depends on it."""
    said = f"{person.language}{_now().date()}{found!r}"
    return hashlib.sha256(said.encode()).hexdigest()
