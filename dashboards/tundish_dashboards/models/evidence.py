"""Evidence of a report as people read it: a sentence, figures under each other, lists as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView

_ZH: Final = "_zh"
_EN: Final = "_en"
_SUMMARY: Final = "summary"
# What nobody reads to its end is told in numbers; the API has all of it.
_ROWS: Final = 40
_DEEPEST: Final = 4


def summary(view: TenantView, evidence: Mapping[str, Any]) -> str:
    """The evidence's own sentence in the reader's language; empty where it has none."""
    zh, en = (evidence.get(f"{_SUMMARY}{end}") for end in (_ZH, _EN))
    return view.t.of(zh if isinstance(zh, str) else "", en if isinstance(en, str) else "")


def evidence_parts(view: TenantView, evidence: Mapping[str, Any], depth: int = 0) -> Component:
    """All of the evidence but its sentence."""
    said = {name: value for name, value in _in_language(view, evidence).items() if name != _SUMMARY}
    plain = {name: value for name, value in said.items() if not _nested(value)}
    parts: list[Component] = []
    if plain:
        parts.append(
            components.facts([(_name(view, name), _plain(view, value)) for name, value in plain.items()])
        )
    for name, value in said.items():
        if name not in plain:
            parts += [html.H3(_name(view, name)), _part(view, name, value, depth + 1)]
    return html.Div(parts, className="model-evidence")


def _part(view: TenantView, name: str, value: Any, depth: int) -> Component:  # noqa: ANN401 - JSON
    rows = value if isinstance(value, list) else None
    if isinstance(value, dict) and all(isinstance(one, dict) for one in value.values()):
        rows = [{"": key, **one} for key, one in value.items()]
    if rows is not None and not any(_nested(cell) for row in rows for cell in row.values()):
        return _table(view, name, rows)
    if depth >= _DEEPEST:
        return html.P(view.t("models.deeper"), className="muted")
    if isinstance(value, dict):
        return evidence_parts(view, value, depth)
    return html.Div([evidence_parts(view, row, depth) for row in value[:_ROWS]])


def _table(view: TenantView, name: str, rows: Sequence[Mapping[str, Any]]) -> Component:
    shown = [_in_language(view, row) for row in rows[:_ROWS]]
    columns = list(dict.fromkeys(column for row in shown for column in row))
    head = [_name(view, column) if column else "" for column in columns]
    cells = [[_plain(view, row.get(column)) for column in columns] for row in shown]
    made = components.table(head, cells, _name(view, name))
    if len(rows) <= _ROWS:
        return made
    return html.Div([made, html.P(view.t("models.more_rows", n=len(rows) - _ROWS), className="muted")])


def _in_language(view: TenantView, said: Mapping[str, Any]) -> dict[str, Any]:
    """The same with one text for each pair of texts."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        stem = name[: -len(_ZH)]
        if name.endswith((_ZH, _EN)) and {f"{stem}{_ZH}", f"{stem}{_EN}"} <= said.keys():
            found[stem] = view.t.of(str(said[f"{stem}{_ZH}"]), str(said[f"{stem}{_EN}"]))
        else:
            found[name] = value
    return found


def _nested(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether it has parts with names of their own; an empty one is as good as none."""
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _name(view: TenantView, name: str) -> str:
    return view.t.maybe(f"model_evidence.{name}", name)


def _plain(view: TenantView, value: Any) -> str:  # noqa: ANN401 - JSON
    match value:
        case None | [] | {}:
            return "–"
        case bool():
            return view.t("models.yes") if value else view.t("models.no")
        case int() | float():
            return view.formats.brief(value)
        case list():
            rest = f" … ({len(value)})" if len(value) > _ROWS else ""
            return ", ".join(_plain(view, one) for one in value[:_ROWS]) + rest
        case str():
            # Words that reports use for levels and outcomes; everything else is told as it is.
            return view.t.maybe(f"model_word.{value}", value)
    return str(value)
