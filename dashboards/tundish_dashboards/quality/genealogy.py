"""The genealogy of a piece: found by number or code, followed up and down, with what was measured then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.explorer.reading import MOST_SIGNALS
from tundish_dashboards.formats import unit_text
from tundish_dashboards.instants import moment
from tundish_dashboards.quality.choice import Period, told_period
from tundish_dashboards.routes import Page, Route
from tundish_platform.products import (
    TraceTooLong,
    UnknownProduct,
    find_product,
    list_codes,
    list_products,
    trace,
    windows_of,
)
from tundish_platform.samples import SampleKind, SignalInfo, SignalRole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.products import ProductDetail, ProductInfo, ProductWindow, TracedProduct

_DEPTH: Final = 10
_MOST_TRACED: Final = 200
_MOST_FOUND: Final = 20
_MOST_STAYS: Final = 12
_MOST_ROWS: Final = 40
_LOOKED_BACK: Final = timedelta(days=30)
_NUMBERS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})
_SHORTEST: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """That a line told the name of a piece: from then on until it told the next one."""

    signal: SignalInfo
    start: datetime
    end: datetime


def search(view: TenantView, wish: str, signals: Sequence[SignalInfo]) -> Component:
    """Everything that a number, a code or a piece's name stands for."""
    t = view.t
    if not wish:
        return components.nothing(t("piece.ask"), t("piece.ask_then"))
    with view.context.metadata.session() as session:
        numbers = {info.product for info in list_codes(session, view.scope, code=wish, limit=_MOST_FOUND)}
        found = list_products(session, view.scope, number=wish, limit=_MOST_FOUND)
        known = {one.id for one in found}
        for number in sorted(n for n in numbers if n is not None and n not in known):
            try:
                found.append(find_product(session, view.scope, number))
            except UnknownProduct:
                continue
    if len(found) == 1:
        return product_view(view, found[0].id, signals)
    if found:
        return html.Div([html.P(t("piece.several", n=len(found))), _listed(view, found)])
    seen = sightings(view, wish, signals)
    if seen:
        return _sighted(view, wish, seen, signals)
    return components.nothing(t("piece.nothing", wish=wish), t("piece.nothing_then"))


def product_view(view: TenantView, product: int, signals: Sequence[SignalInfo]) -> Component:
    """One product: what it is, what it was made from, what became of it, and what was measured meanwhile."""
    t = view.t
    with view.context.metadata.session() as session:
        try:
            one = find_product(session, view.scope, product)
            up, down = (
                trace(session, view.scope, product, upwards=way, depth=_DEPTH, limit=_MOST_TRACED)
                for way in (True, False)
            )
            stays = windows_of(session, view.scope, product, datetime.now(UTC), limit=_MOST_STAYS)
        except UnknownProduct:
            return components.nothing(t("piece.gone"), t("piece.nothing_then"))
        except TraceTooLong:
            return components.nothing(t("piece.too_long"), t("piece.too_long_then"))
        codes = list_codes(session, view.scope, product=product, limit=_MOST_FOUND)
    known = {signal.id: signal for signal in signals}
    return html.Div(
        [
            _facts(view, one, [code.code for code in codes]),
            html.H3(t("piece.up")),
            _tree(view, one.id, _upwards(one, up), up, "piece.none_up"),
            html.H3(t("piece.down")),
            _tree(view, one.id, _downwards(down), down, "piece.none_down"),
            html.H3(t("piece.measured")),
            *(
                [_stay(view, stay, known) for stay in stays]
                or [components.nothing(t("piece.no_stay"), t("piece.no_stay_then"))]
            ),
        ],
        id="piece-view",
    )


def sightings(view: TenantView, name: str, signals: Sequence[SignalInfo]) -> list[Sighting]:
    """When the lines' own tracking told this name; for plants that declare no products."""
    tracking = [s for s in signals if s.kind is SampleKind.TEXT and s.role is SignalRole.IDENTITY]
    found = []
    for signal in tracking:
        latest = view.context.telemetry.latest(view.scope, [signal.id])
        if not latest.num_rows:
            continue
        end = latest["ts"][0].as_py() + timedelta(microseconds=1)
        table = view.context.telemetry.read(view.scope, [signal.id], end - _LOOKED_BACK, end, SampleKind.TEXT)
        times = table["ts"].cast(pa.int64()).to_numpy()
        here = np.asarray(pc.equal(table["value"], name).fill_null(pa.scalar(value=False)))
        edges = np.diff(np.concatenate([[False], here, [False]]).astype(np.int8))
        for begin, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            until = moment(times[stop]) if stop < times.size else end
            found.append(Sighting(signal, moment(times[begin]), until))
    return sorted(found, key=lambda one: one.start, reverse=True)[:_MOST_STAYS]


def _listed(view: TenantView, found: Sequence[ProductInfo]) -> Component:
    return components.entries([components.entry(_button(view, one), [one.material]) for one in found])


def _button(view: TenantView, one: ProductInfo) -> Component:
    words = f"{one.series} {one.number}"
    return components.quiet(
        words, {"role": "quality-product", "number": one.id}, view.t("piece.show", product=words)
    )


def _facts(view: TenantView, one: ProductDetail, codes: Sequence[str]) -> Component:
    t, formats = view.t, view.formats
    amount = formats.quantity(one.quantity, one.unit) if one.quantity is not None else "–"
    title = f"{one.series} {one.number}"
    return html.Div(
        [
            html.H3([t(f"piece_kind.{one.kind}"), " ", html.Span(title, className="code")]),
            components.facts(
                [
                    (t("piece.material"), one.material or "–"),
                    (t("piece.quantity"), amount),
                    (t("piece.codes"), "  ".join(codes) or "–"),
                    (t("piece.declared"), formats.moment(one.declared_at)),
                ]
            ),
        ]
    )


def _upwards(one: ProductDetail, up: Sequence[TracedProduct]) -> dict[int, list[int]]:
    """Children of each node of the tree upwards: what it was made from."""
    edges = {row.id: list(row.made_from) for row in up}
    edges[one.id] = [origin.product for origin in one.made_from]
    return edges


def _downwards(down: Sequence[TracedProduct]) -> dict[int, list[int]]:
    """Children of each node of the tree downwards: what was made of it."""
    edges: dict[int, list[int]] = {}
    for row in down:
        for source in row.made_from:
            edges.setdefault(source, []).append(row.id)
    return edges


def _tree(
    view: TenantView, root: int, edges: Mapping[int, list[int]], rows: Sequence[TracedProduct], none: str
) -> Component:
    """Nested lists; a product that is reached on two ways is told in full once."""
    known = {row.id: row for row in rows}
    if not known:
        return html.P(view.t(none), className="muted")
    told: set[int] = set()

    def branch(node: int) -> Component | None:
        items: list[Component] = []
        for number in sorted(set(edges.get(node, []))):
            if number not in known:
                continue
            again = number in told
            told.add(number)
            row = known[number]
            words: list[Any] = [_button(view, row), " ", html.Span(row.material, className="muted")]
            items.append(html.Li([*words, None if again else branch(number)]))
        return html.Ul(items, className="genealogy") if items else None

    tree = branch(root)
    # Beyond what the person may not see there is no edge to follow.
    apart = [row for row in rows if row.id not in told]
    parts = [tree, _listed(view, apart) if apart else None]
    if len(rows) >= _MOST_TRACED:
        parts.append(html.P(view.t("piece.more", n=_MOST_TRACED), className="muted"))
    return html.Div(parts)


def _stay(view: TenantView, stay: ProductWindow, known: Mapping[int, SignalInfo]) -> Component:
    t, formats = view.t, view.formats
    end = formats.moment(stay.end) if not stay.open else t("piece.still")
    title: list[Any] = [html.Span(stay.path, className="code"), f"  {formats.moment(stay.start)} – {end}"]
    members = [known[number] for number in stay.signals if number in known]
    return html.Div(
        [html.P(title), _measured(view, members, stay.start, max(stay.end, stay.start + _SHORTEST))]
    )


def _sighted(
    view: TenantView, name: str, seen: Sequence[Sighting], signals: Sequence[SignalInfo]
) -> Component:
    t, formats = view.t, view.formats
    parts: list[Component] = [
        html.H3([t("piece.seen"), " ", html.Span(name, className="code")]),
        html.P(t("piece.seen_what"), className="muted"),
    ]
    for one in seen:
        # The machine that told the name, and nothing that stands elsewhere on the line.
        members = [s for s in signals if s.machine == one.signal.machine]
        title: list[Any] = [
            html.Span(one.signal.machine, className="code"),
            f"  {formats.moment(one.start)} – {formats.moment(one.end)}",
        ]
        parts.append(html.Div([html.P(title), _measured(view, members, one.start, one.end)]))
    return html.Div(parts, id="piece-view")


def _measured(view: TenantView, members: Sequence[SignalInfo], start: datetime, end: datetime) -> Component:
    """Values of the signals while the piece was there, and the way to their course."""
    t, formats = view.t, view.formats
    numbers = [s for s in members if s.kind in _NUMBERS and s.role is not SignalRole.PREDICTION]
    if not numbers:
        return components.nothing(t("piece.no_signals"), t("piece.no_signals_then"))
    table = view.context.telemetry.summary(view.scope, numbers, start, end)
    figures = {row["signal"]: row for row in table.to_pylist() if row["count"]}
    shown = [s for s in numbers if s.id in figures][:_MOST_ROWS]
    if not shown:
        return components.nothing(t("piece.silent"), t("piece.silent_then"))
    head = [t(f"piece.head_{name}") for name in ("signal", "mean", "min", "max", "count", "complete")]
    rows = [
        [
            html.Span([t.of(s.name_zh, s.name_en), " ", html.Span(unit_text(s.unit), className="muted")]),
            *(
                html.Span(formats.number(figures[s.id][key]), className="number")
                for key in ("mean", "min", "max")
            ),
            formats.number(figures[s.id]["count"], 0),
            formats.percent(figures[s.id]["completeness"]) if s.period_s is not None else "–",
        ]
        for s in shown
    ]
    period = told_period(Period(start, end), view.formats.zone)
    asked = urlencode({"signals": ",".join(str(s.id) for s in shown[:MOST_SIGNALS]), **period})
    way = dcc.Link(t("piece.explore"), href=f"{Route(Page.EXPLORER, view.scope.slug).path}?{asked}")
    return html.Div([components.table(head, rows, t("piece.measured")), html.P(way)])
