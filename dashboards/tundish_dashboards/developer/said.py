"""What people say of apps, for the operator: hidden from everybody for a reason, or shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.marketplace.publishing import PublishRefused
from tundish_platform.ratings import UnknownStars, hide_stars, newest_said
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.ratings import SaidOf

HIDE: Final = "hide"
SHOW: Final = "show"
_SHOWN: Final = 50
_LONGEST: Final = 400


def said_panel(pages: Pages, person: Person, button: Callable[[str, str], Component]) -> Component:
    """The newest stars with their texts, hidden ones with the reason.

    Args:
        pages: all of them.
        person: the operator.
        button: makes one, of an act and what it is about.
    """
    t = person.t
    with pages.context.metadata.above(Above.RATINGS).session() as above:
        found = newest_said(above, _SHOWN)
    shown = components.entries([_entry(person, one, button) for one in found])
    words = html.P(t("review.said_words"), className="muted")
    nothing = html.P(t("review.nothing"), className="muted")
    return components.panel(t("review.said"), [words, shown if found else nothing])


def decide_said(pages: Pages, person: Person, act: str, number: int, reason: str) -> None:
    """Hide stars and text for a reason, or show them again.

    Raises:
        PublishRefused: there are none of that number, or no reason is given for hiding them.
    """
    if act == HIDE and not reason.strip():
        raise PublishRefused(
            422, "reason_missing", "请写明隐藏的理由; 评价人会看到。",
            "Say why it is hidden; who wrote it reads that.",
        )  # fmt: skip
    because = reason.strip() if act == HIDE else ""
    try:
        with pages.context.metadata.above(Above.RATINGS).session() as above:
            hide_stars(above, person.principal, number, because[:_LONGEST], utc_now())
    except UnknownStars:
        raise PublishRefused(
            404, "unknown_stars", "该评价已不存在。", "This is there no more; its author took it back."
        ) from None


def _entry(person: Person, one: SaidOf, button: Callable[[str, str], Component]) -> Component:
    t, said = person.t, one.said
    hidden = said.hidden_because is not None
    head: list[Any] = [html.Strong(f"{one.app} · {t('review.stars', n=said.stars)} ")]
    if hidden:
        head.append(components.status(Tone.NOTICE, t("review.hidden")))
    facts = [
        said.text, t("review.said_at", at=person.formats.moment(said.said_at), version=said.version),
        t("review.hidden_because", reason=said.hidden_because) if hidden else "",
    ]  # fmt: skip
    return components.entry(head, facts, [button(SHOW if hidden else HIDE, str(said.id))])
