"""The few building blocks that all pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import dash_mantine_components as dmc
from dash import dcc, html

from tundish_dashboards.theme import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from dash.development.base_component import Component

    from tundish_dashboards.i18n import Texts

    class Refusal(Protocol):
        """What the platform raises with words for people."""

        message_zh: str
        message_en: str

    Shown = str | int | float | Component | Sequence[str | int | float | Component | None] | None

# Shape and word carry the state for those who cannot tell the colours apart.
_MARKS = {Tone.GOOD: "●", Tone.NOTICE: "▲", Tone.BAD: "■", Tone.QUIET: "○"}


def status(tone: Tone, words: str, title: str = "") -> Component:
    """A state as shape, colour and words."""
    return html.Span(
        [html.Span(_MARKS[tone], className="mark", **_hidden()), html.Span(words)],
        className=f"status status-{tone}",
        title=title or None,
    )


def _hidden() -> dict[str, Any]:
    return {"aria-hidden": "true"}


def announced() -> dict[str, Any]:
    """Keywords of a part whose changes screen readers tell at once."""
    return {"aria-live": "polite"}


def labelled(name: str) -> dict[str, Any]:
    """The name that screen readers give a part, as keywords of a component."""
    return {"aria-label": name}


def panel(title: str, children: Shown, *, id: str = "", aside: Shown = None) -> Component:  # noqa: A002 - Dash's word
    """A titled box of the page; ``id`` names the section for links and callbacks."""
    head = html.Div([html.H2(title), html.Div(aside, className="panel-aside")], className="panel-head")
    named: dict[str, Any] = {"id": id} if id else {}
    return html.Section([head, html.Div(children, className="panel-body")], className="panel", **named)


def figure(label: str, value: Shown, note: Shown = "", tone: Tone | None = None) -> Component:
    """One number with its name above and what qualifies it below."""
    return html.Div(
        [
            html.Div(label, className="figure-label"),
            html.Div(value, className="figure-value"),
            html.Div(note, className="figure-note"),
        ],
        className=f"figure figure-{tone}" if tone else "figure",
    )


def figures(items: Sequence[Component]) -> Component:
    """Figures beside each other, as many as fit."""
    return html.Div(list(items), className="figures")


def nothing(what: str, then: str) -> Component:
    """An empty state: what happened, and what to do."""
    return html.Div(
        [html.P(what, className="empty-what"), html.P(then, className="empty-then")], className="empty"
    )


def notice(tone: Tone, title: str, words: Shown) -> Component:
    """A box that says something went wrong or needs attention."""
    return html.Div([html.Strong(title), html.Div(words)], className=f"notice notice-{tone}", role="status")


def refused(t: Texts, problem: Refusal) -> Component:
    """Why something was refused, in the reader's language."""
    return notice(Tone.BAD, t.of(problem.message_zh, problem.message_en), "")


def done(words: str) -> Component:
    """Says that something was done."""
    return notice(Tone.GOOD, words, "")


def table(head: Sequence[str], rows: Iterable[Iterable[object]], caption: str) -> Component:
    """A small plain table; wide ones scroll inside their own box."""
    return html.Div(
        html.Table(
            [
                html.Caption(caption, className="unseen"),
                html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
                html.Tbody([html.Tr([html.Td(cast("Shown", cell)) for cell in row]) for row in rows]),
            ]
        ),
        className="table-box",
        tabIndex=0,
        role="region",
        **labelled(caption),
    )


def facts(pairs: Sequence[tuple[str, Shown]]) -> Component:
    """Names and values under each other."""
    parts: list[Any] = []
    for name, value in pairs:
        parts += [html.Dt(name), html.Dd(value)]
    return html.Dl(parts, className="facts")


def meter(share: float | None, words: str) -> Component:
    """A share of 1 as a bar with its number; the words say what it is of."""
    width = 0.0 if share is None else min(max(share, 0.0), 1.0)
    return html.Div(
        [html.Span(style={"width": f"{width * 100:.1f}%"})],
        className="meter",
        role="img",
        **labelled(words),
    )


def more(summary: str, children: Component) -> Component:
    """Details that open on demand."""
    return html.Details([html.Summary(summary), html.Div(children)], className="more")


def select(
    id: str,  # noqa: A002 - Dash's word
    label: str,
    data: list[dict[str, str]],
    value: str | None,
    width: int | None = None,
) -> Component:
    """A choice of one, with its name for screen readers."""
    choice: Component = dmc.Select(
        id=id, data=data, value=value, size="xs", allowDeselect=False, w=width, **labelled(label)
    )
    return choice


def upload(id: str, words: str, accept: str, most_bytes: int) -> Component:  # noqa: A002 - Dash's word
    """A button that sends a file; its label is also that of the hidden field, which Dash gives no name."""
    button = html.Button(words, className="button")
    chosen = dcc.Upload(button, id=id, accept=accept, max_size=most_bytes)
    return html.Label([html.Span(words, className="unseen"), chosen])


def entry(
    head: Shown, facts: Sequence[Shown], buttons: Sequence[Component] = (), *, more: Shown = None
) -> Component:
    """One thing of a list: what it is, what is known of it, and what can be done with it."""
    return html.Li(
        [
            html.Div(
                [
                    html.Div(head, className="entry-head"),
                    html.Div(more) if more is not None else None,
                    html.Div([html.Span(fact) for fact in facts if fact], className="entry-facts"),
                ],
                className="entry-words",
            ),
            html.Div(list(buttons), className="entry-buttons"),
        ],
        className="entry",
    )


def entries(items: Sequence[Component]) -> Component:
    """Things one under the other."""
    return html.Ul(list(items), className="entries")


def ways(words: tuple[str, str], role: str, here: int, last: int | None) -> Component:
    """Buttons that turn the pages of a list: to the first one, and to the one behind ``last``.

    Args:
        words: on the two buttons.
        role: in the buttons' ids, beside the number that the page goes on from.
        here: number that this page goes on from; 0 on the first.
        last: number of the last thing on this page; None where no other follows.
    """
    first, following = words
    buttons = [quiet(first, {"role": role, "number": 0})] if here else []
    if last is not None:
        buttons.append(quiet(following, {"role": role, "number": last}))
    return html.Div(buttons, className="entry-buttons left")


def quiet(words: str, id: Any, label: str = "") -> Component:  # noqa: A002, ANN401 - Dash's word, and its ids are dicts
    """A small button beside a thing; ``label`` tells screen readers which thing."""
    return html.Button(words, id=id, className="quiet", **(labelled(label) if label else {}))


def shown_once(title: str, words: str, secret: str, copy: str, copied: str) -> Component:
    """A secret that is nowhere else: with a button that copies it."""
    return notice(
        Tone.NOTICE,
        title,
        [
            html.Div(words),
            html.Div(
                [
                    html.Code(secret, className="code", id="shown-once"),
                    dmc.CopyButton(copy, value=secret, copiedChildren=copied, size="xs", variant="default"),
                ],
                className="shown-once",
            ),
        ],
    )


def password(id: Any, label: str, complete: str, show: str) -> Component:  # noqa: A002, ANN401 - as above
    """A field for a password; ``complete`` tells password managers which one, ``show`` names the eye."""
    field: Component = dmc.PasswordInput(
        id=id,
        label=label,
        value="",
        autoComplete=complete,
        visibilityToggleButtonProps={"aria-label": show},
    )
    return field
