"""Where an inspection is worth the way: connections that resemble ghosts, with the figures that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Person

_HIGH: Final = 0.8
_SHARES: Final = frozenset({"known", "shared", "share"})


def inspection_table(person: Person, suspected: Sequence[Mapping[str, Any]]) -> Component:
    """A row for each suspicion, the gravest first."""
    t = person.t
    if not suspected:
        return components.nothing(t("inspect.none"), t("inspect.none_then"))
    head = [t(f"inspect.{key}") for key in ("enterprise", "reason", "risk", "figures", "since")]
    return components.table(head, [_row(person, item) for item in suspected], t("inspect.title"))


def _row(person: Person, item: Mapping[str, Any]) -> list[object]:
    t, formats = person.t, person.formats
    fictional = html.Span(t("bureau.fictional"), className="tag") if item["demo"] else ""
    reason = item["reason"]
    tone = Tone.BAD if item["risk"] >= _HIGH else Tone.NOTICE
    figures = [html.Div(_figure(person, name, value)) for name, value in item["figures"].items()]
    return [
        html.Div(
            [
                html.Div([t.of(item["name_zh"], item["name_en"]), " ", fictional]),
                html.Div(item["uscc"], className="code muted"),
            ]
        ),
        html.Div(
            [
                html.Div(t(f"ghost.{reason}")),
                html.Div(t(f"ghost.{reason}_words"), className="muted small"),
            ]
        ),
        components.status(tone, formats.percent(item["risk"])),
        html.Div(figures, className="muted"),
        formats.moment(item["since"], seconds=False),
    ]  # fmt: skip


def _figure(person: Person, name: str, value: float) -> str:
    shown = person.formats.percent(value) if name in _SHARES else person.formats.brief(value)
    return f"{person.t(f'ghost_figure.{name}')} {shown}"
