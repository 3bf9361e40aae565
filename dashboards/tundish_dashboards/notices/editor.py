"""A list on the alarm settings' page with the form in which one of its things is made or changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, no_update

from tundish_dashboards import wishes
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

MAX_ID: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Opened:
    """A form, and the number and version of what it shows; 0 for something new."""

    form: Component
    number: int
    version: int


@dataclass(frozen=True, slots=True)
class Editor:
    """What is listed, and how one of it is changed.

    Attributes:
        name: begins the ids of the parts, ``<name>-form``, ``-message`` and ``-wish``, and buttons' roles.
        listed: id of the list.
        show: the list as it is now; takes what `search` holds, where there is such a field.
        open: the form for the thing of a number.
        save: keeps number, version and fields; whether it could, and what to say of it.
        remove: removes the thing of a number, and says so.
        search: id of the field that narrows the list.
    """

    name: str
    listed: str
    show: Callable[..., Component]
    open: Callable[[TenantView, int], Opened]
    save: Callable[[TenantView, int, int, Mapping[str, object]], tuple[bool, Component]]
    remove: Callable[[TenantView, int], Component]
    search: str = ""


def number_of(said: Mapping[Any, object], name: str = "number") -> int:
    """A number out of what the browser sent."""
    return wishes.whole(said.get(name), "the number", 0, MAX_ID, 0)


def after_saving(done: bool, message: Component, show: Callable[[], Component]) -> tuple[Any, ...]:
    """List, message and form: anew, with the form gone, if it was kept; else the message alone."""
    return (show(), message, None) if done else (no_update, message, no_update)


def register_editor(pages: Pages, editor: Editor) -> None:
    """Opening the form, and saving, leaving or removing what it shows."""
    name = editor.name

    @pages.on_tenant(
        Output(f"{name}-form", "children"),
        Output(f"{name}-wish", "data"),
        Input({"role": f"{name}-open", "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def open_form(view: TenantView, _clicks: object) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return no_update, no_update
        opened = editor.open(view, number_of(asked))
        return opened.form, {"number": opened.number, "version": opened.version}

    @pages.on_tenant(
        Output(editor.listed, "children"),
        Output(f"{name}-message", "children"),
        Output(f"{name}-form", "children", allow_duplicate=True),
        Input({"role": f"{name}-do", "do": ALL, "number": ALL}, "n_clicks"),
        State(f"{name}-wish", "data"),
        State({"role": f"{name}-field", "field": ALL}, "value"),
        State({"role": f"{name}-field", "field": ALL}, "id"),
        *([State(editor.search, "value")] if editor.search else []),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def act(
        view: TenantView, _clicks: object, wish: object, values: object, ids: object, *searched: object
    ) -> tuple[Any, ...]:
        if not (asked := wishes.click()):
            return (no_update,) * 3
        do = wishes.one_of(asked.get("do"), "the wish", ("save", "cancel", "remove"), "cancel")
        if do == "cancel" or not isinstance(wish, dict):
            return no_update, None, None
        if do == "remove":
            done, message = True, editor.remove(view, number_of(wish))
        else:
            said = wishes.filled(values, ids, "field")
            done, message = editor.save(view, number_of(wish), number_of(wish, "version"), said)
        return after_saving(
            done, message, lambda: editor.show(view, *(wishes.word(s, "the name") for s in searched))
        )
