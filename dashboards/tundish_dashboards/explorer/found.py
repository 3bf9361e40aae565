"""Finding signals for the explorer: by words, kind and unit, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components, wishes
from tundish_dashboards.explorer.reading import CHARTED, MOST_SIGNALS
from tundish_dashboards.formats import unit_text
from tundish_platform.assets import SignalSearch, search_signals
from tundish_platform.samples.semantics import semantic_kind, semantic_kinds

if TYPE_CHECKING:
    from collections.abc import Collection

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.samples import SignalInfo

SHOWN: Final = 20
ANY: Final = "any"
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Search:
    """What a person looks for, and behind which signal's number the page begins."""

    wanted: SignalSearch
    after: int = 0


def wished_search(terms: object, kind: object, unit: object, after: int = 0) -> Search:
    """What the fields of the page say."""
    named = wishes.one_of(kind, "the kind", [ANY, *quantities()], ANY)
    return Search(
        SignalSearch(
            terms=wishes.word(terms, "the search", _LONGEST),
            kind="" if named == ANY else named,
            unit=wishes.word(unit, "the unit", 40).strip(),
        ),
        after,
    )


def quantities() -> list[str]:
    """What signals can be of, by the first part of their kinds' names, in the vocabulary's order."""
    return list(dict.fromkeys(name.partition(".")[0] for name in semantic_kinds()))


def kind_words(view: TenantView, semantic: str) -> str:
    """A kind in the reader's language; its name where the vocabulary has none."""
    known = semantic_kind(semantic)
    return semantic if known is None else view.t.of(known.name_zh, known.name_en)


def found_signals(view: TenantView, search: Search, chosen: Collection[int]) -> Component:
    """A page of what was found, with buttons that take signals into the chart."""
    t = view.t
    with view.context.metadata.session() as session:
        found = search_signals(session, view.scope, search.wanted, after=search.after, limit=SHOWN + 1)
    if not found:
        return components.nothing(t("explorer.nothing"), t("explorer.nothing_then"))
    last = found[SHOWN - 1].id if len(found) > SHOWN else None
    ways = components.ways((t("explorer.first"), t("explorer.next")), "explorer-after", search.after, last)
    return html.Div(
        [components.entries([_entry(view, one, chosen) for one in found[:SHOWN]]), ways],
    )


def _entry(view: TenantView, signal: SignalInfo, chosen: Collection[int]) -> Component:
    t = view.t
    name = t.of(signal.name_zh, signal.name_en)
    facts: list[Any] = [
        html.Span(signal.path, className="code"),
        kind_words(view, signal.semantic),
        unit_text(signal.unit),
    ]
    if signal.id in chosen:
        buttons: list[Component] = [html.Span(t("explorer.taken"), className="muted")]
    elif signal.kind not in CHARTED:
        buttons = [html.Span(t("explorer.no_chart"), className="muted")]
    elif len(chosen) >= MOST_SIGNALS:
        buttons = [html.Span(t("explorer.full", n=MOST_SIGNALS), className="muted")]
    else:
        where = {"role": "explorer-add", "number": signal.id}
        buttons = [components.quiet(t("explorer.add"), where, t("explorer.add_what", signal=name))]
    return components.entry(html.Strong(name), facts, buttons)
