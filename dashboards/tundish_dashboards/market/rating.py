"""What an app was worth elsewhere: measured figures first, stars beside them, and the dialog for these."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace.categories import industries
from tundish_platform.ratings import (
    StarsRefused,
    StarsSpec,
    give_stars,
    own_stars,
    rating_of,
    ratings,
    said_of,
    take_stars_back,
)
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.market.look import AppLook
    from tundish_platform.ratings import Figures, OwnStars, Rating, Said

_SHOWN: Final = 20
_LONGEST: Final = 500
_STARS: Final = ("1", "2", "3", "4", "5")
_GIVEN: Final = "5"
_COLUMNS: Final = ("of", "plants", "precision", "recall", "lead", "cost")


def rating_panel(look: AppLook) -> Component:
    """Measured figures by version and industry, what people say, and what this plant said."""
    view, t = look.view, look.view.t
    with view.context.metadata.session() as session:
        own = own_stars(session, view.scope, view.app)
    with view.context.metadata.above(Above.RATINGS).session() as above:
        rating = rating_of(above, view.app, list(view.context.catalogue.apps), utc_now())
        said = said_of(above, view.app, hidden=False, before=0, limit=_SHOWN)
    body = [
        html.Div(measured(view, rating), className="rating-measured"),
        _cells(view, rating) if rating.total else html.P(t("rating.few_then"), className="muted"),
        html.H3(t("rating.stars")),
        html.P(stars_words(view, rating)),
        components.entries([_said(view, one) for one in said]) if said else None,
        *_own(view, own),
        *_dialog(view),
    ]
    return components.panel(t("rating.title"), body, id="app-rating")


def ratings_of(view: TenantView) -> Mapping[str, Rating]:
    """The ratings of the whole shelf, by app."""
    apps = list(view.context.catalogue.apps)
    with view.context.metadata.above(Above.RATINGS).session() as above:
        return {one.app: one for one in ratings(above, apps, utc_now())}


def card_words(view: TenantView, rating: Rating | None) -> Component | None:
    """Measured precision and stars in a line each, for the app's card."""
    if rating is None:
        return None
    return html.Div(
        [html.Div(measured(view, rating)), html.Div(stars_words(view, rating), className="muted")],
        className="who",
    )


def measured(view: TenantView, rating: Rating) -> str:
    """The measured precision with its interval and the number of plants, or that there are not enough."""
    t, total = view.t, rating.total
    if total is None or total.precision is None:
        return t("rating.few")
    return t(
        "rating.measured", share=_percent(view, total.precision), low=_percent(view, total.precision_low),
        high=_percent(view, total.precision_high), n=total.at_least,
    )  # fmt: skip


def stars_words(view: TenantView, rating: Rating) -> str:
    """The mean of the stars and how many plants gave any."""
    if rating.stars.mean is None:
        return view.t("rating.no_stars")
    mean = view.formats.brief(rating.stars.mean, 1)
    return view.t("rating.mean", mean=mean, n=sum(rating.stars.counts))


def register_rating(pages: Pages) -> None:
    """Giving stars, changing them, and taking them back."""

    @pages.on_tenant(
        Output("stars-dialog", "opened"),
        Output("stars-dialog-what", "children"),
        Output("stars-dialog-problem", "children"),
        Input("stars-give", "n_clicks"),
        Input("stars-no", "n_clicks"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def ask(view: TenantView, clicks: object, _no: object) -> tuple[Any, ...]:
        if wishes.asker() != "stars-give" or not clicks:
            return False, no_update, None
        return True, view.t("rating.dialog_title"), None

    @pages.on_tenant(
        Output("stars-dialog", "opened", allow_duplicate=True),
        Output("stars-dialog-problem", "children", allow_duplicate=True),
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("stars-yes", "n_clicks"),
        State("stars-number", "value"),
        State("stars-text", "value"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, number: object, text: object) -> tuple[Any, ...]:
        if not clicks:
            return (no_update,) * 4
        spec = StarsSpec(
            stars=int(wishes.one_of(number, "the stars", _STARS, _GIVEN)),
            text=wishes.word(text, "the text", _LONGEST),
        )
        try:
            with view.context.metadata.session() as session:
                give_stars(session, view.scope, view.app, spec, utc_now())
        except StarsRefused as refused:
            return no_update, components.refused(view.t, refused), no_update, no_update
        return False, None, components.done(view.t("rating.given")), f"stars/{utc_now().isoformat()}"

    @pages.on_tenant(
        Output("market-message", "children", allow_duplicate=True),
        Output("market-changed", "data", allow_duplicate=True),
        Input("stars-withdraw", "n_clicks"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def withdraw(view: TenantView, clicks: object) -> tuple[Any, ...]:
        if not clicks:
            return no_update, no_update
        with view.context.metadata.session() as session:
            take_stars_back(session, view.scope, view.app, utc_now())
        return components.done(view.t("rating.withdrawn")), f"stars/{utc_now().isoformat()}"


def _cells(view: TenantView, rating: Rating) -> Component:
    t = view.t
    head = [t(f"rating.{column}") for column in _COLUMNS]
    rows = [_row(view, words, one) for words, one in _named(view, rating)]
    until = html.P(t("rating.until", month=rating.month), className="muted")
    return html.Div([components.table(head, rows, t("rating.title")), until])


def _named(view: TenantView, rating: Rating) -> Iterator[tuple[str, Figures]]:
    t = view.t
    if rating.total is not None:
        yield t("rating.all"), rating.total
    for one in rating.versions:
        yield t("rating.version", version=one.key), one
    for one in rating.industries:
        name = industries().get(one.key)
        yield (t.of(name.zh, name.en) if name else one.key), one


def _row(view: TenantView, words: str, one: Figures) -> list[object]:
    t = view.t
    cost = "–" if one.avoided_cost is None else view.formats.quantity(one.avoided_cost, "CNY", 0)
    return [
        words, t("rating.at_least", n=one.at_least),
        _share(view, one.precision, one.precision_low, one.precision_high),
        _share(view, one.recall, one.recall_low, one.recall_high), _lead(view, one), cost,
    ]  # fmt: skip


def _share(view: TenantView, share: float | None, low: float | None, high: float | None) -> str:
    if share is None:
        return "–"
    parts = (_percent(view, value) for value in (share, low, high))
    return view.t("rating.share", **dict(zip(("share", "low", "high"), parts, strict=True)))


def _percent(view: TenantView, share: float | None) -> str:
    return view.formats.percent(share, 0)


def _lead(view: TenantView, one: Figures) -> str:
    if not one.lead_known:
        return "–"
    t, span = view.t, view.formats.span
    if one.lead_from_s is None:
        return t("rating.lead_after")
    low = span(timedelta(seconds=one.lead_from_s))
    if one.lead_to_s is None:
        return t("rating.lead_over", low=low)
    return t("rating.lead_between", low=low, high=span(timedelta(seconds=one.lead_to_s)))


def _said(view: TenantView, one: Said) -> Component:
    facts = [
        view.t("rating.of_version", version=one.version), view.formats.moment(one.said_at, seconds=False),
    ]  # fmt: skip
    return components.entry(_drawn(view, one.stars), facts, more=one.text or None)


def _drawn(view: TenantView, stars: int) -> Component:
    words = view.t("rating.n_stars", n=stars)
    return html.Span("★" * stars + "☆" * (5 - stars), role="img", **components.labelled(words))


def _own(view: TenantView, own: OwnStars) -> list[Component]:
    """What this plant said, and the buttons; callbacks need the buttons there, so they are hidden instead."""
    t, said = view.t, own.said
    hidden = said.hidden_because if said else None
    words = [
        html.P([t("rating.own"), " ", _drawn(view, said.stars), " ", said.text]) if said else None,
        components.notice(Tone.NOTICE, t("rating.hidden"), hidden) if hidden else None,
        None
        if own.may or not view.may(Permission.SUBSCRIBE)
        else html.P(t("rating.run_first"), className="muted"),
    ]
    give = html.Button(
        t("rating.change" if said else "rating.give"), id="stars-give", className="quiet", hidden=not own.may
    )
    back = html.Button(
        t("rating.withdraw"), id="stars-withdraw", className="quiet",
        hidden=said is None or not view.may(Permission.SUBSCRIBE),
    )  # fmt: skip
    return [
        *(one for one in words if one is not None),
        html.Div([give, back], className="entry-buttons left"),
    ]


def _dialog(view: TenantView) -> list[Component]:
    t = view.t
    stars = dmc.SegmentedControl(
        id="stars-number",
        value=_GIVEN,
        data=[{"value": one, "label": f"{one} ★"} for one in _STARS],
        **components.labelled(t("rating.stars")),
    )
    body = [
        html.P(t("rating.dialog_words")),
        stars,
        *comment("stars-text", t("rating.text"), _LONGEST),
    ]
    return [dialog("stars", t("rating.save"), t("rating.cancel"), body)]
