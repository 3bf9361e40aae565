"""The programme by month: funnel and trend, targets, who is stalled, and what cities declared beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.documents import blocks_shown
from tundish_dashboards.theme import Tone
from tundish_platform.documents import Chart, ChartSeries
from tundish_platform.programme.declared import Bound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Person
    from tundish_platform.programme.declared import DeclaredFigures

MOST_STALLED: Final = 20
STALLED_MONTHS: Final = 6
_BOUNDS: Final = {Bound.EXACT: "", Bound.AT_LEAST: "≥ ", Bound.ABOUT: "≈ "}

Told = dict[str, Any]


def funnel(person: Person, found: Told) -> Component:
    """How many enterprises stand in each stage at the end of the newest month, and how that came."""
    t, formats = person.t, person.formats
    if not found["months"]:
        return components.nothing(t("months.none"), t("months.none_then"))
    total, newest = found["total"], found["months"][-1]
    rows = []
    for stage in found["stages"]:
        key, name = stage["key"], t.of(stage["name_zh"], stage["name_en"])
        now, on_register = total["current"][key][-1], total["enterprises"][-1]
        share = now / on_register if on_register else None
        bar = components.meter(share, t("months.share", stage=name, share=formats.percent(share)))
        counts = [formats.number(total[kind][key][-1], 0) for kind in ("current", "ever", "new")]
        rows.append([name, *counts, html.Div([formats.percent(share), bar]), _december(person, found, key)])
    head = [t(f"months.{key}") for key in ("stage", "current", "ever", "new", "of_register", "year_end")]
    parts: list[Component] = [
        components.table(head, rows, t("months.funnel")),
        html.P(_basis(person, found, newest), className="muted small"),
        _trend(person, found),
    ]
    if found["simulated"]:
        parts.insert(0, components.notice(Tone.NOTICE, t("months.simulated"), t("months.simulated_words")))
    return html.Div(parts)


def _december(person: Person, found: Told, key: str) -> str:
    projection = found["projection"]
    if projection is None:
        return person.t("months.too_few")
    return _range(person, projection["current"][key])


def _range(person: Person, of: Mapping[str, Sequence[int]]) -> str:
    low, middle, high = (person.formats.number(of[name][-1], 0) for name in ("low", "middle", "high"))
    return person.t("months.range", low=low, middle=middle, high=high)


def _basis(person: Person, found: Told, newest: str) -> str:
    return person.t(
        "months.basis", month=newest, version=found["rule_version"], digest=found["digest"][:12],
        computed=person.formats.moment(found["computed_at"], seconds=False),
    )  # fmt: skip


def _trend(person: Person, found: Told) -> Component:
    t = person.t
    lines = tuple(
        ChartSeries(t.of(stage["name_zh"], stage["name_en"]), tuple(found["total"]["current"][stage["key"]]))
        for stage in found["stages"]
    )
    title = t("months.trend")
    chart = Chart(title, tuple(found["months"]), lines, unit=t("months.unit"))
    return html.Div(blocks_shown((chart,), "bureau-trend"))


def target_table(person: Person, listed: Sequence[Told], stages: Sequence[Told]) -> Component:
    """Each target in force: what has come of it, and what December may bring."""
    t = person.t
    if not listed:
        return components.nothing(t("target.none"), t("target.none_then"))
    names = {stage["key"]: t.of(stage["name_zh"], stage["name_en"]) for stage in stages}
    head = [t(f"target.{key}") for key in ("scope", "goal", "actual", "completion", "year_end", "source")]
    return components.table(head, [_target(person, one, names) for one in listed], t("target.title"))


def _target(person: Person, one: Told, names: Mapping[str, str]) -> list[object]:
    t, formats = person.t, person.formats
    found = one["progress"]
    where = [t.maybe(f"{kind}.{one[kind]}", one[kind]) for kind in ("region", "industry") if one[kind]]
    where += [one["park"]] if one["park"] else []
    counted = t(f"target.{one['kind']}")
    goal = f"{formats.number(one['value'], 0)} · {counted}"
    of = html.Div([html.Div(names.get(one["stage"], one["stage"])), html.Div(goal, className="muted")])
    place = html.Div([html.Div(str(one["year"])), html.Div(" · ".join(where) or t("target.all"))])
    source = html.Div(
        [html.Div(one["source"]), html.Div(t("target.version", n=one["version"]), className="muted")]
    )
    if found is None or found["suppressed"] or found["actual"] is None:
        words = t("bureau.suppressed") if found and found["suppressed"] else t("target.nothing_yet")
        return [place, of, html.Span(words, className="muted"), "–", "–", source]
    percent = f"{one['completion_percent']} %" if one["completion_percent"] is not None else "–"
    return [place, of, formats.number(found["actual"], 0), percent, _year_end(person, found), source]


def _year_end(person: Person, found: Told) -> object:
    end = found["year_end"]
    if end is None:
        return "–"
    formats = person.formats
    counts = [formats.number(end[name], 0) for name in ("low", "middle", "high")]
    shares = [formats.percent(end[name]) for name in ("completion_low", "completion_high")]
    words = person.t("months.range", low=counts[0], middle=counts[1], high=counts[2])
    return html.Div([html.Div(words), html.Div(" – ".join(shares), className="muted")])


def stalled_tables(
    person: Person, steps: Sequence[Told], listed: Sequence[Told], stages: Sequence[Told]
) -> Component:
    """Which conditions keep how many back, and the enterprises with what each lacks."""
    t = person.t
    named = {stage["key"]: t.of(stage["name_zh"], stage["name_en"]) for stage in stages}
    kept_back = [step for step in steps if step["enterprises"]]
    if not kept_back:
        return components.nothing(t("stalled.none"), t("stalled.none_then", n=STALLED_MONTHS))
    kept_back.sort(key=lambda step: -step["enterprises"])
    counts = [
        [named[step["stage"]], t.of(step["text_zh"], step["text_en"]),
         person.formats.number(step["enterprises"], 0)]
        for step in kept_back
    ]  # fmt: skip
    head = [t("stalled.step"), t("stalled.condition"), t("stalled.count")]
    names = [t(f"stalled.{key}") for key in ("enterprise", "step", "months", "failing", "suspicion")]
    rows = [_stalled(person, one, named) for one in listed]
    return html.Div(
        [
            components.table(head, counts, t("stalled.steps")),
            components.more(
                t("stalled.show", n=len(rows)), components.table(names, rows, t("stalled.title"))
            ),
        ]
    )


def _stalled(person: Person, one: Told, named: Mapping[str, str]) -> list[object]:
    t = person.t
    failing = [
        html.Div(
            [
                t.of(condition["text_zh"], condition["text_en"]),
                html.Span(
                    t("stalled.held", n=condition["unbroken"], of=condition["needed"]), className="muted"
                ),
            ]
        )
        for condition in one["failing"]
    ]
    suspicions = [components.status(Tone.NOTICE, t(f"ghost.{reason}")) for reason in one["suspicions"]]
    name = t.of(one["name_zh"], one["name_en"])
    return [
        html.Div([html.Div(name), html.Div(one["uscc"], className="code muted")]),
        named[one["next"]],
        person.formats.number(one["months"], 0),
        html.Div(failing),
        html.Div(suspicions) if suspicions else "–",
    ]


def declared_table(person: Person, found: DeclaredFigures) -> Component:
    """What cities declared of enterprises, with its documents: marked, and added to nothing measured."""
    t, brief = person.t, person.formats.brief
    titles = {source.id: t.of(source.title.zh, source.title.en) for source in found.sources}
    rows = [
        [
            html.Div([html.Div(t.of(one.name.zh, one.name.en)), html.Div(one.key, className="code muted")]),
            f"{_BOUNDS[one.bound]}{brief(one.value)} {t.maybe(f'declared_unit.{one.unit}', one.unit)}",
            f"{one.since} – {one.as_of}" if one.since else one.as_of,
            t(f"declared_kind.{one.kind}"),
            html.Div([html.Span(t(f"basis.{one.basis}"), className="tag"), " ", titles[one.source]]),
        ]
        for one in found.figures
        if one.unit == "enterprise" or one.key.startswith("loudi.platform.")
    ]  # fmt: skip
    head = [t(f"declared.{key}") for key in ("figure", "value_head", "as_of", "kind", "source")]
    return components.more(t("declared.show", n=len(rows)), components.table(head, rows, t("declared.title")))
