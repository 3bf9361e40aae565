"""What the quality page answers: what can be chosen, the chart, the Pareto and the genealogy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import numpy as np
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION
from tundish_dashboards.instants import moment
from tundish_dashboards.known import KnownSignals
from tundish_dashboards.later import Later
from tundish_dashboards.plant.conditions import line_of
from tundish_dashboards.quality.capable import Ability, Refused, ability
from tundish_dashboards.quality.charting import Lack, PhaseOne, charted, group_size, phase_one
from tundish_dashboards.quality.choice import (
    FIRST_SPAN,
    SIZES,
    SPANS,
    Characteristic,
    Limits,
    Nature,
    Period,
    asked_of,
    characteristics,
    kept_period,
    of_line,
    told_period,
)
from tundish_dashboards.quality.figure import control_figure
from tundish_dashboards.quality.genealogy import product_view, search
from tundish_dashboards.quality.page import LIMITS
from tundish_dashboards.quality.pareto import pareto_panel, read_pareto, subjects
from tundish_dashboards.quality.samples import newest_of, read_samples
from tundish_dashboards.quality.words import ability_words, broken_rules, chart_words
from tundish_dashboards.routes import Page, Route

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.quality.samples import Samples
    from tundish_platform.samples import SignalInfo

_EMPTY: Final[dict[str, Any]] = {
    "data": [], "layout": {"height": 40, "xaxis": {"visible": False}, "yaxis": {"visible": False}}
}  # fmt: skip
_HIDDEN: Final = {"display": "none"}
# The baseline that a look begins with: the earliest part of the window.
_BASELINE_SHARE: Final = 0.3
_LEAST_GROUPS: Final = 30
_MOST_WORDS: Final = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader chose for the chart."""

    one: Characteristic
    span: str
    size: int
    word: str
    limits: Limits
    pixels: int


def register_quality(pages: Pages) -> None:
    """Everything that the page asks for."""
    known, later = KnownSignals(), Later[Ability | Refused]()
    _register_choice(pages, known)
    _register_chart(pages, known, later)
    _register_pareto(pages, known)
    _register_genealogy(pages, known)
    pages.in_browser("qualityWidth", Output("quality-width", "data"), Input("quality-span", "value"))


def _register_choice(pages: Pages, known: KnownSignals) -> None:
    @pages.on_tenant(
        Output("quality-line", "data"),
        Output("quality-line", "value"),
        Output("quality-signal", "data"),
        Output("quality-signal", "value"),
        Output("quality-span", "value"),
        Output("quality-size", "value"),
        *(Output(f"quality-{name}", "value") for name in LIMITS),
        Output("quality-asked", "data"),
        Output("quality-subject", "data"),
        Output("quality-subject", "value"),
        Input(LOCATION, "search"),
        Input("quality-line", "value"),
    )
    def choose(view: TenantView, search_wish: object, line: object) -> tuple[Any, ...]:
        signals = known.of(view)
        found = characteristics(signals)
        lines = sorted({line_of(one.signal) for one in found})
        turned = wishes.asker() == "quality-line"
        asked = asked_of(search_wish, view.formats.zone)
        named = None if turned else next((one for one in found if one.signal.id == asked.signal), None)
        wished = line_of(named.signal) if named else wishes.word(line, "the line", 400)
        path = wished if wished in lines else (lines[0] if lines else "")
        mine = of_line(found, path)
        chosen = named or (mine[0] if mine else None)
        of = subjects(signals, path)
        data = [{"value": str(s.id), "label": view.t.of(s.name_zh, s.name_en)} for s in of]
        kept = (no_update,) * 6 if turned else (*_controls(asked), _asked_store(view, named, asked))
        return (
            [{"value": one, "label": one} for one in lines],
            path or None,
            [{"value": str(one.signal.id), "label": _label(view, one)} for one in mine],
            None if chosen is None else str(chosen.signal.id),
            *kept,
            data,
            data[0]["value"] if data else None,
        )


def _controls(asked: Any) -> tuple[Any, ...]:  # noqa: ANN401 - `Asked`
    limits = asked.limits
    return asked.span, asked.size, *(getattr(limits, name) for name in LIMITS)


def _asked_store(view: TenantView, named: Characteristic | None, asked: Any) -> dict[str, Any] | None:  # noqa: ANN401 - `Asked`
    if named is None:
        return None
    period = {} if asked.baseline is None else told_period(asked.baseline, view.formats.zone)
    return {"signal": named.signal.id, "word": asked.word, **period}


def _label(view: TenantView, one: Characteristic) -> str:
    name = view.t.of(one.signal.name_zh, one.signal.name_en)
    return f"{name} · {'/'.join(one.signal.path.split('/')[3:])}"


def _register_chart(pages: Pages, known: KnownSignals, later: Later[Ability | Refused]) -> None:
    @pages.on_tenant(
        Output("quality-chart", "figure"),
        Output("quality-said", "children"),
        Output("quality-broken", "children"),
        Output("quality-ability", "children"),
        Output("quality-link", "children"),
        Output("quality-word", "data"),
        Output("quality-word-box", "style"),
        Output("quality-baseline", "data"),
        Output("quality-shown", "data"),
        Input("quality-tick", "n_intervals"),
        Input("quality-signal", "value"),
        Input("quality-span", "value"),
        Input("quality-size", "value"),
        Input("quality-word", "value"),
        *(Input(f"quality-{name}", "value") for name in LIMITS),
        Input("quality-rebase", "n_clicks"),
        Input("quality-width", "data"),
        State("quality-asked", "data"),
        State("quality-baseline", "data"),
        State("quality-shown", "data"),
    )
    def chart(view: TenantView, *given: object) -> tuple[Any, ...]:
        _tick, signal, span, size, word, lower, target, upper, _clicks, width, asked, baseline, shown = given
        number = next(iter(wishes.numbers(None if signal is None else [signal], "the signal", 1)), None)
        one = next((c for c in characteristics(known.of(view)) if c.signal.id == number), None)
        limits = Limits(
            wishes.amount(lower, "a limit"), wishes.amount(upper, "a limit"), wishes.amount(target, "a limit")
        )
        named = asked if isinstance(asked, dict) and one and asked.get("signal") == one.signal.id else {}
        chosen = wishes.word(word, "the label") or wishes.word(named.get("word"), "the label")
        look = wishes.one_of(span, "the window", list(SPANS), FIRST_SPAN)
        group = int(wishes.one_of(size, "the size of groups", SIZES, SIZES[0]))
        pixels = wishes.whole(width, "the width of the chart", 200, 2400, 900)
        if one is None:
            nothing = components.nothing(view.t("spc.nothing"), view.t("spc.nothing_then"))
            return _EMPTY, nothing, None, None, None, [], _HIDDEN, None, None
        wish = Wish(one, look, group, chosen, limits, pixels)
        kept = baseline if isinstance(baseline, dict) and baseline.get("signal") == one.signal.id else named
        return _charts(view, wish, kept, later, shown)


def _charts(
    view: TenantView, wish: Wish, kept: dict[str, Any], later: Later[Ability | Refused], shown: object
) -> tuple[Any, ...]:
    t, one = view.t, wish.one
    newest = newest_of(view, one)
    if newest is None:
        nothing = components.nothing(t("spc_lack.no_data"), t("spc.lack_then"))
        return _EMPTY, nothing, None, None, None, [], _HIDDEN, None, None
    window = Period(_begin(view, newest - SPANS[wish.span], wish), newest)
    samples = read_samples(view, one, window.start, window.end)
    rebased = wishes.asker() == "quality-rebase"
    baseline = (None if rebased else kept_period(kept, view.formats.zone)) or _first_baseline(
        samples, window, group_size(one.nature, wish.size), whole=rebased
    )
    before = read_samples(view, one, baseline.start, baseline.end)
    words = _words(before, samples)
    word = wish.word if wish.word in words else (words[0] if words else "")
    zone, period_s = view.formats.zone, one.signal.period_s
    first = phase_one(before, one.nature, period_s, wish.size, word, zone)
    able = ability(first, wish.limits, later, view.scope.tenant_id) if isinstance(first, PhaseOne) else None
    digest = blake2b(samples.digest() + before.digest(), digest_size=12).hexdigest()
    limits = f"{wish.one.signal.id} {wish.span} {wish.size} {word} {wish.limits} {wish.pixels}"
    made = "making" if able is Refused.MAKING else "made"
    now = f"{limits} {baseline} {digest} {made}"
    if now == shown:
        return (no_update,) * 9
    found = first if isinstance(first, Lack) else charted(samples, first, one.nature, period_s, word, zone)
    data = [{"value": name, "label": t.maybe(f"fault.{name}", name)} for name in words]
    box = {} if one.nature is Nature.LABELS else _HIDDEN
    told = {"signal": one.signal.id, **told_period(baseline, zone)}
    link = dcc.Link(t("explorer.link"), href=_address(view, wish, word, told), className="quiet")
    if isinstance(found, Lack) or able is None:
        lack = found if isinstance(found, Lack) else Lack.NO_DATA
        said = components.nothing(t(f"spc_lack.{lack}"), t("spc.lack_then"))
        return _EMPTY, said, None, None, link, data, box, told, now
    figure = control_figure(view, found, samples, baseline, wish.limits, one.signal.unit, wish.pixels)
    about = [html.P(t("spc.share_of", word=t.maybe(f"fault.{word}", word)))] if word else []
    said = html.Div([*about, chart_words(view, one, found, samples, baseline)])
    return (
        figure, said, broken_rules(view, found), ability_words(view, able, found), link, data, box, told, now
    )  # fmt: skip


def _begin(view: TenantView, start: datetime, wish: Wish) -> datetime:
    """Groups of pieces count from the plant's midnight, so they are read from there."""
    grouped = wish.one.signal.period_s is None and group_size(wish.one.nature, wish.size) > 1
    if SPANS[wish.span] <= timedelta(hours=1) and not grouped:
        return start
    # A window that begins at a full hour does not shift its points at every refresh.
    local = start.astimezone(view.formats.zone).replace(minute=0, second=0, microsecond=0)
    return (local.replace(hour=0) if grouped else local).astimezone(UTC)


def _first_baseline(samples: Samples, window: Period, size: int, *, whole: bool) -> Period:
    """The earliest part of what is shown, or all of it; it stays until the reader takes another one."""
    if whole or not samples.times.size:
        return window
    known = samples.times[np.isfinite(samples.values)]
    if not known.size:
        return window
    count = max(int(_BASELINE_SHARE * known.size), min(_LEAST_GROUPS * size, known.size))
    return Period(moment(int(known[0])), moment(int(known[count - 1]) + 1))


def _words(*parts: Samples) -> list[str]:
    """Labels that occur, the most frequent first."""
    counted = Counter(
        str(word)
        for part in parts
        if part.words.size
        for word in part.words[np.isfinite(part.values)].tolist()
    )
    return [word for word, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_WORDS]]


def _address(view: TenantView, wish: Wish, word: str, baseline: dict[str, Any]) -> str:
    asked = {"signal": wish.one.signal.id, "span": wish.span, "size": wish.size, "word": word}
    asked |= {"from": baseline["from"], "to": baseline["to"]}
    asked |= {name: value for name in LIMITS if (value := getattr(wish.limits, name)) is not None}
    told = {name: value for name, value in asked.items() if value != ""}
    return f"{Route(Page.QUALITY, view.scope.slug).path}?{urlencode(told)}"


def _register_pareto(pages: Pages, known: KnownSignals) -> None:
    @pages.on_tenant(
        Output("quality-pareto", "children"),
        Input("quality-slow", "n_intervals"),
        Input("quality-subject", "value"),
        Input("quality-span", "value"),
    )
    def pareto(view: TenantView, _tick: object, subject: object, span: object) -> object:
        number = next(iter(wishes.numbers(None if subject is None else [subject], "the subject", 1)), None)
        length = SPANS[wishes.one_of(span, "the window", list(SPANS), FIRST_SPAN)]
        signals = known.of(view)
        one = _subject(signals, number)
        newest = None if one is None else newest_of(view, Characteristic(one, Nature.LABELS))
        if one is None or newest is None:
            return components.nothing(view.t("spc.pareto_none"), view.t("spc.pareto_none_then"))
        return pareto_panel(view, read_pareto(view, signals, one, newest - length, newest))


def _subject(signals: Sequence[SignalInfo], number: int | None) -> SignalInfo | None:
    one = next((signal for signal in signals if signal.id == number), None)
    return one if one is not None and one in subjects(signals, line_of(one)) else None


def _register_genealogy(pages: Pages, known: KnownSignals) -> None:
    @pages.on_tenant(
        Output("quality-genealogy", "children"),
        Input("quality-piece", "value"),
        Input({"role": "quality-product", "number": ALL}, "n_clicks"),
    )
    def genealogy(view: TenantView, wish: object, _clicks: object) -> object:
        asked = wishes.asker()
        clicked = wishes.click() if isinstance(asked, dict) else {}
        if isinstance(asked, dict) and not clicked:
            return no_update
        if clicked:
            number = wishes.whole(clicked.get("number"), "the product", 0, 2**62, 0)
            return product_view(view, number, known.of(view))
        return search(view, wishes.word(wish, "the number", 255).strip(), known.of(view))
