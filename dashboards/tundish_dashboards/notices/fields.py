"""Fields of the forms on the alarm settings' page, and the words for what is wrong in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dash.development.base_component import Component
    from pydantic import ValidationError

    from tundish_dashboards.callbacks import TenantView


def text(form: str, name: str, label: str, value: object = "", *, hint: str = "") -> Component:
    """A line of text."""
    field: Component = dmc.TextInput(
        id=_id(form, name), label=label, value=str(value), placeholder=hint or None, autoComplete="off"
    )
    return field


def secret(view: TenantView, form: str, name: str, label: str) -> Component:
    """Something that goes in and never comes out again."""
    return components.password(_id(form, name), label, "off", view.t("account.show_password"))


def choice(form: str, name: str, label: str, known: Mapping[str, str], value: str) -> Component:
    """One of a few, or of many that are searched."""
    data = [{"value": one, "label": words} for one, words in known.items()]
    field: Component = dmc.Select(
        id=_id(form, name),
        label=label,
        data=data,
        value=value,
        allowDeselect=False,
        searchable=len(data) > 8,  # noqa: PLR2004
    )
    return field


def choices(form: str, name: str, label: str, known: Mapping[str, str], value: Sequence[str]) -> Component:
    """Any number of a few."""
    data = [{"value": one, "label": words} for one, words in known.items()]
    field: Component = dmc.MultiSelect(id=_id(form, name), label=label, data=data, value=list(value))
    return field


def _id(form: str, name: str) -> dict[str, str]:
    return {"role": f"{form}-field", "field": name}


def framed(
    view: TenantView, form: str, title: str, fields: Sequence[Component], *, remove: bool = False
) -> Component:
    """A form with its title and its buttons."""
    t = view.t
    buttons = [
        dmc.Button(t("notices.save"), id={"role": f"{form}-do", "do": "save", "number": 0}, size="sm"),
        components.quiet(t("notices.cancel"), {"role": f"{form}-do", "do": "cancel", "number": 0}),
    ]
    if remove:
        buttons.append(
            components.quiet(t("notices.remove"), {"role": f"{form}-do", "do": "remove", "number": 0})
        )
    return html.Div(
        [
            html.H3(title),
            html.Div(list(fields), className="form"),
            html.Div(buttons, className="entry-buttons left"),
        ],
        className="notice",
    )


def invalid(view: TenantView, error: ValidationError) -> Component:
    """Which fields cannot be used."""
    shown = sorted({_field_of(view, one["loc"]) for one in error.errors()})
    return components.notice(Tone.BAD, view.t("notices.invalid"), ", ".join(shown))


def _field_of(view: TenantView, place: Sequence[int | str]) -> str:
    # Behind the field's name may stand which of its shapes was tried.
    names = [part for part in reversed(place) if isinstance(part, str)]
    known = (view.t.maybe(f"notice_field.{name}", "") for name in names)
    return next(filter(None, known), names[0] if names else "")


def lines(value: object) -> list[str]:
    """Words of a field that are separated by commas or blanks."""
    return str(value or "").replace(",", " ").replace("，", " ").replace(";", " ").split()


def listed(value: Any) -> list[str]:  # noqa: ANN401 - whatever the browser sent
    """What was chosen of many."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
