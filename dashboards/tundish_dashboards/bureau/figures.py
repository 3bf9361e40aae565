"""Adoption figures by stage, the enterprises behind them, and tables of counties and industries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from tundish_dashboards import components
from tundish_dashboards.bureau.evidence import stage_name
from tundish_dashboards.theme import Tone
from tundish_platform.programme import published_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Person
    from tundish_platform.programme import Adoption, Cell


def adoption_figures(person: Person, counted: Adoption) -> list[Component]:
    """How many enterprises stand in each stage, under which rule, and of which moment."""
    t, formats = person.t, person.formats
    rule_name = t.of(counted.rule_name_zh, counted.rule_name_en)
    as_of = formats.moment(counted.as_of) if counted.as_of else t("bureau.never")
    items = [
        components.figure(
            t("bureau.registered_count"),
            formats.number(counted.enterprises, 0),
            t("bureau.fictional_count", n=counted.demo_enterprises) if counted.demo_enterprises else "",
        ),
        *(
            components.figure(
                t.of(stage.name_zh, stage.name_en),
                html.Span(formats.number(stage.current, 0), id=f"stage-{stage.stage}"),
                t("bureau.ever", n=formats.number(stage.ever, 0)),
            )
            for stage in counted.stages
        ),
        components.figure(t("bureau.as_of_label"), as_of, t("bureau.rule", version=counted.rule_version)),
    ]
    shown: list[Component] = [components.figures(items)]
    if counted.demo_rule:
        words = t("bureau.demo_words", version=counted.rule_version, name=rule_name)
        shown.insert(0, components.notice(Tone.NOTICE, t("bureau.demo_rule"), words))
    return shown


def enterprise_table(person: Person, counted: Adoption, listed: Sequence[Mapping[str, Any]]) -> Component:
    """Every registered enterprise with its stage, and the way to its evidence."""
    t = person.t
    if not listed:
        return components.nothing(t("bureau.no_enterprises"), t("bureau.no_enterprises_then"))
    rule = published_rules()[counted.rule_version]
    rows = []
    for item in listed:
        name = t.of(item["name_zh"], item["name_en"])
        reached = bool(item["stage"])
        rows.append(
            [
                html.Div([html.Div(name), html.Div(item["uscc"], className="code muted")]),
                t.maybe(f"industry.{item['industry']}", item["industry"]),
                t.maybe(f"region.{item['region']}", item["region"]),
                components.status(
                    Tone.GOOD if reached else Tone.QUIET, stage_name(person, rule, item["stage"])
                ),
                html.Button(
                    t("bureau.show"),
                    id={"role": "enterprise", "uscc": item["uscc"]},
                    className="quiet",
                    **components.labelled(t("bureau.show_of", name=name)),
                ),
            ]
        )
    head = [t("bureau.enterprise"), t("bureau.industry"), t("bureau.region"), t("bureau.stage"), ""]
    return components.table(head, rows, t("bureau.enterprises"))


def cell_tables(person: Person, counted: Adoption) -> Component:
    """Counts by county and by industry; small cells are withheld, and it says why."""
    t = person.t
    return html.Div(
        [
            components.panel(t("bureau.by_region"), _cells(person, counted, counted.by_region, "region")),
            components.panel(
                t("bureau.by_industry"), _cells(person, counted, counted.by_industry, "industry")
            ),
        ],
        className="columns halves",
    )


def _cells(person: Person, counted: Adoption, cells: Sequence[Cell], kind: str) -> list[Component]:
    t, formats = person.t, person.formats
    stages = [(stage.stage, t.of(stage.name_zh, stage.name_en)) for stage in counted.stages]
    rows = []
    for cell in cells:
        hidden = html.Span(t("bureau.suppressed"), className="muted")
        known = cell.stages or {}
        figures = [formats.number(known[key], 0) if key in known else hidden for key, _ in stages]
        count = hidden if cell.enterprises is None else formats.number(cell.enterprises, 0)
        rows.append([t.maybe(f"{kind}.{cell.key}", cell.key), count, *figures])
    head = [t(f"bureau.{kind}"), t("bureau.count"), *(name for _, name in stages)]
    parts: list[Component] = [components.table(head, rows, t(f"bureau.by_{kind}"))]
    if any(cell.suppressed for cell in cells):
        parts.append(html.P(t("bureau.suppressed_words"), className="muted small"))
    return parts
