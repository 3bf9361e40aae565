"""Options and error handling that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from tundish_deploy.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from tundish_deploy.settings import Settings

SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", help="Settings file (TOML); by default tundish.toml here, if there is one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]

errors = Console(stderr=True)


def give_up(message: str) -> NoReturn:
    """Say what is wrong and end with code 1."""
    errors.print(message, style="bold red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def refuse_unsafe(settings: Settings, file: Path | None) -> None:
    """An end with a message where others can reach a platform whose settings are not safe in the open."""
    from tundish_deploy.safety import told, unsafe
    from tundish_deploy.settings import DEFAULT_FILE

    found = unsafe(settings, file or (DEFAULT_FILE if DEFAULT_FILE.exists() else None))
    if found:
        give_up(told(found))


def usable_settings(file: Path | None) -> Settings:
    """The settings, or an end with a message that names each wrong key."""
    try:
        return load_settings(file)
    except SettingsError as error:
        give_up(str(error))
