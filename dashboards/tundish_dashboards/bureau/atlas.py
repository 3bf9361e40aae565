"""Counties as tiles, their ranking, and the way from a county to its industries and its enterprises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, dcc, html

from tundish_dashboards import components, wishes
from tundish_dashboards.bureau.standing import PLACES_OVER, County, counties, shades
from tundish_dashboards.routes import Page, Route
from tundish_platform.api.drill import enterprises_within, industries_of
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.series import series, series_rule, target_list
from tundish_platform.programme import published_rules
from tundish_platform.programme.register.codes import county_names, industry_names
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme import Rule

DEFAULT_STAGE: Final = "on_platform"
MOST_LISTED: Final = 20
_LONGEST: Final = 13
Told = dict[str, Any]


def atlas_panel(person: Person) -> Component:
    """The frame: what is shown of which stage, the tiles, and below them what was opened."""
    t = person.t
    stages = [
        {"value": stage.key, "label": t.of(stage.name.zh, stage.name.en)}
        for stage in published_rules()[MONTHLY].stages
    ]
    chooser = components.select("atlas-stage", t("atlas.stage"), stages, DEFAULT_STAGE, 150)
    return html.Div(
        [
            components.panel(t("atlas.title"), html.Div(id="bureau-atlas"), aside=chooser),
            html.Div(id="bureau-drill", **components.announced()),
            dcc.Store(id="atlas-place"),
        ]
    )


def register_atlas(pages: Pages) -> None:
    """Tiles by stage, and opening a county, an industry."""

    @pages.on_programme(
        Output("bureau-atlas", "children"),
        Input("bureau-rule", "value"),
        Input("atlas-stage", "value"),
        initially="shared",
    )
    def tiles(person: Person, rule: object, stage: object) -> Component:
        return atlas_shown(pages, person, _rule(rule), _stage(stage))

    @pages.on_programme(
        Output("atlas-place", "data"),
        Input({"role": "county", "key": ALL}, "n_clicks"),
        Input({"role": "county-industry", "key": ALL}, "n_clicks"),
        State("atlas-place", "data"),
        initially=False,
    )
    def choose(_person: Person, counties_: object, industries: object, place: object) -> str:
        held = wishes.word(place, "the place", _LONGEST)
        asked = wishes.asker()
        clicked = any(isinstance(one, list) and any(one) for one in (counties_, industries))
        if not clicked or not isinstance(asked, dict):
            return held
        key = wishes.word(asked.get("key"), "the place", _LONGEST)
        return key if asked.get("role") == "county" else f"{held.partition('/')[0]}/{key}"

    @pages.on_programme(
        Output("bureau-drill", "children"),
        Input("atlas-place", "data"),
        Input("bureau-rule", "value"),
        initially=False,
    )
    def open_place(person: Person, place: object, rule: object) -> Component | None:
        region, _, industry = wishes.word(place, "the place", _LONGEST).partition("/")
        return _opened(pages, person, _rule(rule), region, industry) if region else None


def _rule(wish: object) -> Rule:
    """The rule that was chosen, or the monthly one in place of one that counts in minutes."""
    version = wishes.one_of(wish, "the rule version", list(published_rules()), MONTHLY)
    return series_rule(MONTHLY if published_rules()[version].demo else version)


def _stage(wish: object) -> str:
    keys = [stage.key for stage in published_rules()[MONTHLY].stages]
    return wishes.one_of(wish, "the stage", keys, DEFAULT_STAGE)


def atlas_shown(pages: Pages, person: Person, rule: Rule, stage: str) -> Component:
    """Tiles and ranking of one stage."""
    t = person.t
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        found, wanted = series(session, rule), target_list(session, rule, limit=1_000)
    if not found["months"]:
        return components.nothing(t("months.none"), t("months.none_then"))
    met = counties(found, wanted, stage)
    shade = shades(met)
    parts = [
        html.Div(
            [tile(person, one, shade.get(one.key, 0)) for one in sorted(met, key=lambda one: one.key)],
            className="tiles",
        ),
        html.P(t("atlas.legend", month=found["months"][-1]), className="muted small"),
        components.more(t("atlas.ranking"), _ranking(person, met)),
    ]
    return html.Div(parts)


def tile(person: Person, one: County, shade: int) -> Component:
    """A county as a button: its share in figures and as a shade; hatched, and said, where withheld."""
    t, formats = person.t, person.formats
    name = t.of(*county_names(one.key))
    said: dict[str, Any] = {"id": {"role": "county", "key": one.key}}
    if one.share is None:
        hidden = t("bureau.suppressed")
        inner = [html.Span(name, className="tile-name"), html.Span(hidden, className="tile-note")]
        return html.Button(
            inner, className="tile tile-withheld", **said, **components.labelled(f"{name}: {hidden}")
        )
    share, words = formats.percent(one.share), t("atlas.count", n=one.count, of=one.enterprises)
    met = "" if one.completion is None else t("atlas.completion", share=formats.percent(one.completion))
    parts: list[Component] = [
        html.Span(name, className="tile-name"),
        html.Strong(share),
        html.Span(words, className="tile-note"),
        html.Span(met, className="tile-note"),
    ]
    label = ", ".join(part for part in (f"{name}: {share}", words, met) if part)
    return html.Button(parts, className=f"tile tile-{shade}", **said, **components.labelled(label))


def _ranking(person: Person, met: Sequence[County]) -> Component:
    t, formats = person.t, person.formats
    hidden = html.Span(t("bureau.suppressed"), className="muted")
    rows: list[list[object]] = []
    for one in met:
        name = t.maybe(f"region.{one.key}", one.key)
        if one.share is None:
            rows.append(["–", name, hidden, hidden, "–", "–"])
            continue
        swing = t("atlas.places", best=one.best, worst=one.worst)
        completion = "–" if one.completion is None else formats.percent(one.completion)
        rows.append(
            [one.place, name, formats.percent(one.share),
             t("atlas.count", n=one.count, of=one.enterprises), completion, swing]
        )  # fmt: skip
    head = [t(f"atlas.{key}") for key in ("place", "county", "share", "enterprises", "target")]
    head.append(t("atlas.swing", n=PLACES_OVER))
    return components.table(head, rows, t("atlas.ranking"))


def _opened(pages: Pages, person: Person, rule: Rule, region: str, industry: str) -> Component:
    """A county's industries, and the enterprises of one of them or of all."""
    t = person.t
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        cells = industries_of(session, rule, region)
        listed = enterprises_within(session, rule, region, industry, limit=MOST_LISTED)
    county = t.maybe(f"region.{region}", region)
    where = f"{county} · {_industry(person, industry)}" if industry else county
    return html.Div(
        [
            components.panel(t("atlas.industries", county=county), _industries(person, rule, cells)),
            components.panel(
                t("atlas.listed", where=where), _listed(person, rule, listed),
                aside=t("atlas.first", n=MOST_LISTED) if len(listed) == MOST_LISTED else None,
            ),
        ],
        className="columns halves",
    )  # fmt: skip


def _industry(person: Person, key: str) -> str:
    return person.t.maybe(f"industry.{key}", f"{key} {person.t.of(*industry_names(key))}")


def _industries(person: Person, rule: Rule, cells: Sequence[Told]) -> list[Component]:
    t, formats = person.t, person.formats
    stages = [(stage.key, t.of(stage.name.zh, stage.name.en)) for stage in rule.stages]
    rows: list[list[object]] = []
    for one in cells:
        name = _industry(person, one["key"])
        opens = components.quiet(
            name, {"role": "county-industry", "key": one["key"]}, t("atlas.open", name=name)
        )
        figures = one["figures"]
        if figures is None or figures["enterprises"][-1] is None:
            hidden = html.Span(t("bureau.suppressed"), className="muted")
            rows.append([opens, hidden, *([hidden] * len(stages))])
            continue
        counts = [formats.number(figures["current"][key][-1], 0) for key, _ in stages]
        rows.append([opens, formats.number(figures["enterprises"][-1], 0), *counts])
    head = [t("bureau.industry"), t("bureau.count"), *(name for _, name in stages)]
    parts: list[Component] = [components.table(head, rows, t("bureau.by_industry"))]
    if any(one["suppressed"] for one in cells):
        parts.append(html.P(t("bureau.suppressed_words"), className="muted small"))
    return parts


def _listed(person: Person, rule: Rule, listed: Sequence[Told]) -> Component:
    t = person.t
    if not listed:
        return components.nothing(t("atlas.nobody"), t("atlas.nobody_then"))
    names = {stage.key: t.of(stage.name.zh, stage.name.en) for stage in rule.stages}
    rows = [
        [
            html.Div(
                [
                    dcc.Link(
                        t.of(one["name_zh"], one["name_en"]), href=Route(Page.ENTERPRISE, of=one["uscc"]).path
                    ),
                    html.Div(one["uscc"], className="code muted"),
                ]
            ),
            _industry(person, one["industry"]),
            names.get(one["stage"], t("bureau.no_stage")),
            t("atlas.months", n=one["months"]),
        ]
        for one in listed
    ]
    head = [t("bureau.enterprise"), t("bureau.industry"), t("bureau.stage"), t("atlas.since")]
    return components.table(head, rows, t("atlas.enterprises"))
