"""One input of an app as a row: its state, the signals to choose from, and why others cannot serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components
from tundish_dashboards.formats import unit_text
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace import Standing
from tundish_platform.marketplace.mapping import MOST
from tundish_platform.samples.semantics import semantic_kind
from tundish_platform.sdk.fit import Why
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace import Confirmed
    from tundish_platform.marketplace.matching import InputMatch
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk.fit import Obstacle

# A plant's signals of all kinds are thousands; who picks a line sees its own.
_MOST_OTHERS: Final = 200


def match_row(
    view: TenantView,
    one: InputMatch,
    before: Sequence[Confirmed],
    known: Mapping[int, SignalInfo],
    missing: Collection[str],
) -> Component:
    """An input.

    Args:
        view: whose.
        one: the input against the signals that were picked.
        before: what was confirmed of all inputs; empty where nobody did, then what fits is proposed.
        known: all signals by number.
        missing: inputs without which the app cannot work, and that have no signal.
    """
    t, wanted = view.t, one.wanted
    chosen = [c.signal for c in before if c.key == wanted.key and c.standing is Standing.AS_CONFIRMED]
    value = chosen if before else [s.id for s in one.fits[:MOST]]
    name = t.of(wanted.name.zh, wanted.name.en)
    asked = html.Span(_asked(view, one), className="muted")
    return html.Div(
        [
            html.Div([_state(view, one, value, missing), html.Strong(name), asked], className="match-head"),
            dmc.MultiSelect(
                id={"role": "match-input", "key": wanted.key},
                data=_choices(view, one, [known[n] for n in chosen if n in known]),
                value=[str(number) for number in value],
                size="xs", searchable=True, clearable=True, limit=100, placeholder=t("match.choose"),
                className="match-select", disabled=not view.may(Permission.SUBSCRIBE),
                **components.labelled(t("match.signals_of", name=name)),
            ),
            _cut(view, one),
            _near(view, one),
        ],
        className="match-row",
    )  # fmt: skip


def _state(view: TenantView, one: InputMatch, value: Sequence[int], missing: Collection[str]) -> Component:
    t = view.t
    tone = Tone.BAD if one.wanted.key in missing else Tone.QUIET
    if value:
        return components.status(Tone.GOOD, t("match.found", n=len(value)))
    if one.fits:
        return components.status(tone, t("match.not_chosen", n=len(one.fits)))
    if one.suggestions:
        return components.status(Tone.NOTICE, t("match.suggested", n=len(one.suggestions)))
    return components.status(tone, t("market.absent"))


def _asked(view: TenantView, one: InputMatch) -> str:
    """Need, kind, unit and rate that the input asks for."""
    t, wanted = view.t, one.wanted
    kind = semantic_kind(wanted.semantic.removesuffix(".*"))
    parts = [t(f"need.{wanted.need}"), f"{t.of(kind.name_zh, kind.name_en)} " if kind else ""]
    parts[1] += wanted.semantic
    if wanted.unit:
        parts.append(t("match.in_unit", unit=unit_text(wanted.unit)))
    if wanted.max_period_s is not None:
        parts.append(t("match.at_least_every", seconds=f"{wanted.max_period_s:g}"))
    return " · ".join(parts)


def _choices(view: TenantView, one: InputMatch, chosen: Sequence[SignalInfo]) -> list[dict[str, object]]:
    t = view.t
    fits = {s.id: s for s in one.fits[:MOST]}
    alike = {s.signal.id: s.signal for s in one.suggestions}
    overruled = {s.id: s for s in chosen if s.id not in fits and s.id not in alike}
    taken = fits.keys() | alike.keys() | overruled.keys()
    others = {s.id: s for s in one.others if s.id not in taken}
    groups = (
        (t("match.fits"), fits),
        (t("match.alike"), alike),
        (t("match.overruled"), overruled),
        (t("match.others"), dict(list(others.items())[:_MOST_OTHERS])),
    )
    return [
        {"group": title, "items": [{"value": str(s.id), "label": _label(view, s)} for s in some.values()]}
        for title, some in groups
        if some
    ]


def _cut(view: TenantView, one: InputMatch) -> Component | None:
    """Where not all can be shown."""
    if len(one.fits) > MOST:
        return html.Div(view.t("match.first", n=MOST, all=len(one.fits)), className="muted")
    if len(one.others) > _MOST_OTHERS:
        return html.Div(view.t("match.first_others", n=_MOST_OTHERS, all=len(one.others)), className="muted")
    return None


def _label(view: TenantView, signal: SignalInfo) -> str:
    unit = unit_text(signal.unit)
    name = view.t.of(signal.name_zh, signal.name_en)
    return f"{name}{f' ({unit})' if unit else ''} · {signal.path}"


def _near(view: TenantView, one: InputMatch) -> Component | None:
    if not one.near:
        return None
    items = [
        html.Li(
            [
                html.Span(miss.signal.path, className="code"),
                " ",
                view.t("match.join").join(_said(view, o) for o in miss.obstacles),
            ]
        )
        for miss in one.near
    ]
    return components.more(view.t("match.near", n=len(items)), html.Ul(items, className="match-near"))


def _said(view: TenantView, obstacle: Obstacle) -> str:
    found, wanted = obstacle.found, obstacle.wanted
    if obstacle.why is Why.UNIT:
        found, wanted = unit_text(found), unit_text(wanted)
    return view.t(f"match_obstacle.{obstacle.why}", found=found or "–", wanted=wanted)
