"""The line that an address names: ``/plant/<tenant>?line=<path>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from dash import Input, Output, no_update

from tundish_dashboards import wishes
from tundish_dashboards.callbacks import LOCATION

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import Pages, TenantView

_LONGEST: Final = 2_000


def addressed(search: object, name: str) -> str:
    """What an address says of a name, ``?name=…``; empty where it says nothing."""
    asked = parse_qs(wishes.word(search, "the address", _LONGEST).removeprefix("?"))
    return asked.get(name, [""])[0]


def register_chosen_line(pages: Pages) -> None:
    """Choose the line that the address names; whether there is such a line is decided where it is read."""

    @pages.on_tenant(Output("line-choice", "value"), Input(LOCATION, "search"))
    def choose(view: TenantView, search: object) -> object:
        del view
        return addressed(search, "line") or no_update
