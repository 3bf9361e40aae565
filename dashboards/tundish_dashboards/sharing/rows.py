"""Fields, cells and publications in words; every value is the one that the bureau's answers have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards.money.amounts import yuan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_dashboards.callbacks import TenantView

_SHARES: Final = frozenset({"good_share", "alert_share", "risk"})
_FEN: Final = "_fen"


def field_rows(view: TenantView, fields: Sequence[str], row: Mapping[str, Any]) -> list[list[object]]:
    """Each field of the list, also one that has no value now."""
    t = view.t
    return [
        [html.Span([t.maybe(f"shared.{name}", t.maybe(f"fact.{name}", name)), " ",
                    html.Span(name, className="code muted")]),
         _value(view, name, row.get(name))]
        for name in fields
    ]  # fmt: skip


def cell_rows(view: TenantView, cells: Sequence[Mapping[str, Any]]) -> list[list[object]]:
    """Each cell that the enterprise is counted in, as it is shown now."""
    t = view.t
    rows: list[list[object]] = []
    for cell in cells:
        kind = "region" if "region" in cell["table"] else "industry"
        place = t.maybe(f"{kind}.{cell['key']}", cell["key"]) if cell["key"] else t("sharing.everybody")
        figures = [
            html.Div(f"{t.maybe(f'shared.{name}', name)}: {_figure(view, name, value)}")
            for name, value in cell["figures"].items()
        ]
        count = t("bureau.suppressed") if cell["enterprises"] is None else view.formats.number(
            cell["enterprises"], 0
        )  # fmt: skip
        rows.append([t(f"sharing_table.{cell['table']}"), place, count, html.Div(figures or "–")])
    return rows


def published_facts(view: TenantView, published: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The newest publication with the leaf by which the enterprise finds itself in its evidence."""
    t, moment = view.t, view.formats.moment
    leaf = published["leaf"]
    figures = [
        html.Div(f"#{one['number']} · {one['name']} · {one['region']} {one['industry']}: {one['value']}")
        for one in published["figures"]
    ]
    return [
        (t("sharing.publications"), view.formats.number(published["publications"], 0)),
        (t("sharing.newest"), moment(published["published_at"])),
        (t("sharing.rule"), published["rule_version"]),
        (t("sharing.counted_as"), t("sharing.no_stage") if not leaf["stage"] else leaf["stage"]),
        (t("sharing.figures"), html.Div(figures)),
        (t("sharing.leaf"), html.Span(" · ".join(f"{k}={v}" for k, v in leaf.items()), className="code")),
    ]


def _figure(view: TenantView, name: str, value: int) -> str:
    return yuan(view.formats, value) if name.endswith(_FEN) else view.formats.number(value, 0)


def _value(view: TenantView, name: str, value: object) -> Any:  # noqa: ANN401, PLR0911 - a way for each type
    t, formats = view.t, view.formats
    match value:
        case None | "":
            return html.Span(t("sharing.empty"), className="muted")
        case bool():
            return t("sharing.yes" if value else "sharing.no")
        case datetime():
            return formats.moment(value)
        case int() if name.endswith(_FEN):
            return yuan(formats, value)
        case float() if name in _SHARES:
            return formats.percent(value)
        case int() | float():
            return formats.brief(value)
        case Mapping():
            return _mapping(view, value)
        case list() | tuple():
            return html.Div([html.Div(_value(view, "", one)) for one in value] or t("sharing.empty"))
    return str(value)


def _mapping(view: TenantView, value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
    if "windows" in value:
        return view.t("sharing.windows_below", n=len(value["windows"]))
    if "text_zh" in value:
        return view.t.of(value["text_zh"], value["text_en"])
    return html.Div([html.Div([f"{key}: ", _value(view, key, one)]) for key, one in value.items()])
