"""`tundish init`: a folder with settings that a person can read and secrets that nobody has chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tundish_deploy.commands.options import give_up


def init(
    folder: Annotated[Path, typer.Argument(help="Where to; made if it does not exist.")],
    *,
    language: Annotated[Literal["zh", "en"], typer.Option(help="Of the comments.")] = "zh",
    origin: Annotated[
        str | None,
        typer.Option(
            help="Address in browsers, https://…, if a reverse proxy on this machine serves others."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder, if not FOLDER/data; must not exist yet.")
    ] = None,
    port: Annotated[int, typer.Option(help="TCP port of the server.", min=1, max=65535)] = 8050,
) -> None:
    """Write commented settings and make the secrets they name; what exists is never overwritten."""
    from tundish_deploy.newinstall import Exists, make_installation

    try:
        file = make_installation(folder, language, origin, port, data)
    except Exists as error:
        give_up(
            f"{error.path} 已存在, 未作任何改动。请换一个目录。\n"
            f"{error.path} exists, and nothing was changed. Name another folder."
        )
    except ValueError as error:
        give_up(f"--origin: {error}")
    typer.echo(
        f"设置 {file}, 密钥 {file.parent / 'secrets'} (请备份)。\n"
        f"Settings in {file}, secrets in {file.parent / 'secrets'}; keep a copy of these.\n"
        f"tundish up --settings {file}"
    )
