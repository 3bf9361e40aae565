"""Codes of the register in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.programme import InvalidUscc
from tundish_platform.programme.register.codes import county_names, industry_names
from tundish_platform.programme.register.fields import FieldRefused

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Person
    from tundish_platform.programme.register.changes import RegisterRefused


def industry(person: Person, code: str) -> Component:
    """A code with the name of its division."""
    return html.Span([code, " ", html.Span(person.t.of(*industry_names(code)), className="muted")])


def county(person: Person, code: str) -> str:
    """The name of a county, with its code."""
    name = person.t.of(*county_names(code))
    return code if name == code else f"{name} {code}"


def size_name(person: Person, size: str | None) -> str:
    """A size class in words; empty for none."""
    return person.t(f"register_size.{size}") if size else ""


def field_value(person: Person, field: str, value: str | None) -> str:
    """A value of the history in words."""
    if value is None:
        return person.t("register.unknown")
    return size_name(person, value) if field == "size" else value


def refusal(person: Person, error: RegisterRefused | FieldRefused | InvalidUscc) -> Component:
    """Why the register did not take it."""
    t = person.t
    if isinstance(error, FieldRefused):
        words = t(
            "register.wrong_field", field=t(f"register_field.{error.field}"), why=t.of(error.zh, error.en)
        )
    elif isinstance(error, InvalidUscc):
        words = t.of(error.message_zh, str(error))
    else:
        words = t.of(error.message_zh, error.message_en)
    return components.notice(Tone.BAD, t("register.refused"), words)
