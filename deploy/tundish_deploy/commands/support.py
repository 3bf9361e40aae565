"""`tundish support-bundle`: how this installation stands, for whoever helps, without secrets and samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, give_up, usable_settings


def support_bundle(
    file: Annotated[Path, typer.Argument(help="A new zip file.")], settings: SettingsOption = None
) -> None:
    """Write versions, settings without their texts, health, counts and bare log lines to a zip file."""
    from tundish_deploy.support import write_bundle

    try:
        parts = write_bundle(usable_settings(settings), file)
    except OSError as error:
        give_up(str(error))
    typer.echo(f"{file}: {', '.join(parts)}。内容可先查看再发送。 Look into it before you send it.")
