"""The dialog in which a page asks before it does something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_mantine_components as dmc
from dash import dcc, html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component


def dialog(name: str, yes: str, no: str, body: Sequence[Component]) -> Component:
    """A closed dialog with what is asked, a place for problems, the body, and two buttons.

    Args:
        name: begins the ids ``<name>-dialog``, ``-dialog-what``, ``-dialog-problem``, ``-yes`` and ``-no``.
        yes: on the button that does it.
        no: on the one that leaves, and said of the cross.
        body: between problem and buttons.
    """
    buttons = [
        dmc.Button(yes, id=f"{name}-yes", size="sm"),
        dmc.Button(no, id=f"{name}-no", size="sm", variant="default"),
    ]
    closed: Component = dmc.Modal(
        id=f"{name}-dialog",
        opened=False,
        title=html.Span(id=f"{name}-dialog-what"),
        closeButtonProps={"aria-label": no},
        children=[
            html.Div(id=f"{name}-dialog-problem", role="alert"),
            *body,
            dmc.Group(buttons, mt="md"),
        ],
    )
    return closed


def comment(id: str, label: str, longest: int, rows: int = 3) -> list[Component]:  # noqa: A002 - Dash's word
    """A field of some rows, with its label."""
    return [
        html.Label(label, htmlFor=id, className="comment-label"),
        dcc.Textarea(id=id, value="", maxLength=longest, rows=rows, className="comment"),
    ]
