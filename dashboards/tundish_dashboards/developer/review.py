"""The operator's list: versions that wait for a decision, those that stand, keys, what is said."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, html, no_update
from dash import State as Kept

from tundish_dashboards import components, wishes
from tundish_dashboards.developer.dialog import message, question
from tundish_dashboards.developer.said import HIDE, SHOW, decide_said, said_panel
from tundish_dashboards.developer.versions import key_entry, version_entry
from tundish_platform.marketplace.publishing import (
    Act,
    PublishRefused,
    State,
    confirm_key,
    decide,
    keys_to_confirm,
    versions_in,
)
from tundish_platform.tenancy import Permission, access_programme
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

SHOWN: Final = 100
_MAX_ID: Final = 2**31 - 1
_KEY: Final = "confirm"
_DECISIONS: Final = {State.IN_REVIEW: (Act.APPROVE, Act.REJECT), State.APPROVED: (Act.WITHDRAW,)}
_ASKED: Final = (Act.APPROVE, Act.REJECT, Act.WITHDRAW, _KEY, HIDE, SHOW)


def review_page(pages: Pages, path: str) -> Component:
    """What waits, then what stands."""
    del path
    person = pages.person()
    access_programme(person.principal, Permission.OPERATE)
    t = person.t
    return html.Div(
        [
            html.Div(
                [html.H1(t("review.title")), html.Div(t("review.line"), className="aside")],
                className="page-head",
            ),
            message("review"),
            html.Div(_lists(pages, person), id="review-lists"),
            *question(t, "review"),
        ]
    )


def register_review(pages: Pages) -> None:
    """Deciding about versions and keys, after a question."""

    @pages.on_operator(
        Output("review-dialog", "opened"),
        Output("review-title", "children"),
        Output("review-words", "children"),
        Output("review-wish", "data"),
        Input({"role": "review", "act": ALL, "of": ALL}, "n_clicks"),
        Input("review-no", "n_clicks"),
        initially=False,
    )
    def ask(person: Person, _clicks: object, _no: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return False, no_update, no_update, None
        act = wishes.one_of(asked.get("act"), "the decision", _ASKED, _KEY)
        wish = {"act": act, "of": wishes.word(asked.get("of"), "what it is about")}
        return True, person.t(f"review.{act}_title"), person.t(f"review.{act}_words"), wish

    @pages.on_operator(
        Output("review-dialog", "opened", allow_duplicate=True),
        Output("review-message", "children"),
        Output("review-lists", "children"),
        Input("review-yes", "n_clicks"),
        Kept("review-wish", "data"),
        Kept("review-reason", "value"),
        initially=False,
    )
    def act(person: Person, clicks: object, wish: object, reason: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return False, no_update, no_update
        said = _decide(
            pages,
            person,
            wishes.one_of(wish.get("act"), "the decision", _ASKED, _KEY),
            wishes.word(wish.get("of"), "what it is about"),
            wishes.word(reason, "the reason", 2_000),
        )
        return False, said, _lists(pages, person)


def _decide(pages: Pages, person: Person, act: str, of: str, reason: str) -> Component:
    number = int(of) if of.isascii() and of.isdigit() and len(of) < len(str(_MAX_ID)) else 0
    try:
        if act in {HIDE, SHOW}:
            decide_said(pages, person, act, number, reason)
            return components.done(person.t(f"review.{act}_done"))
        with pages.context.metadata.above(Above.PACKAGES).session() as session:
            if act == _KEY:
                confirm_key(session, person.principal, of, utc_now())
            else:
                decide(session, person.principal, number, Act(act), reason, utc_now())
    except PublishRefused as error:
        return components.refused(person.t, error)
    return components.done(person.t(f"review.{act}_done"))


def _lists(pages: Pages, person: Person) -> list[Component]:
    t, formats = person.t, person.formats
    with pages.context.metadata.above(Above.PACKAGES).session() as session:
        keys = keys_to_confirm(session)
        versions = {state: versions_in(session, state, limit=SHOWN) for state in _DECISIONS}
    confirming = [key_entry(t, formats, key, [_button(person, _KEY, key.fingerprint)]) for key in keys]
    panels = [
        components.panel(
            t(f"review.{state}"),
            components.entries(
                [
                    version_entry(
                        t, formats, one, [_button(person, act, str(one.id)) for act in _DECISIONS[state]]
                    )
                    for one in found
                ]
            )
            if found
            else html.P(t("review.nothing"), className="muted"),
        )
        for state, found in versions.items()
    ]
    waiting = components.entries(confirming) if keys else html.P(t("review.nothing"), className="muted")
    said = said_panel(pages, person, partial(_button, person))
    return [panels[0], components.panel(t("review.keys"), waiting), *panels[1:], said]


def _button(person: Person, act: str, of: str) -> Component:
    words = person.t(f"review.{act}")
    return components.quiet(words, {"role": "review", "act": act, "of": of}, f"{words} {of}")
