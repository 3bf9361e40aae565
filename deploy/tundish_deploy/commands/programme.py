"""`tundish programme`: what anybody does with figures that a programme published, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import give_up

app = typer.Typer(no_args_is_help=True)


@app.callback()
def programme() -> None:
    """Figures of the programme."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Export of the log, or one figure with its proof.")],
    against: Annotated[
        Path | None, typer.Option("--against", help="A head you kept, that the log must have grown out of.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Fingerprint of the platform's key, known from elsewhere.")
    ] = None,
) -> None:
    """Check that no published figure was changed, without network or database; ends with 1 if one was."""
    from tundish_platform.programme.published.verifying import NotProven, verify_file

    try:
        kept = None if against is None else against.read_bytes()
        proven = verify_file(file.read_bytes(), key=key, against=kept)
    except OSError as error:
        give_up(f"无法读取 / cannot be read: {error}")
    except NotProven as error:
        give_up(f"数据不可信 / not to be trusted: {error}")
    head = proven.head
    typer.echo(f"可信 / verified: {len(proven.figures)} of {head.size} figures, as signed at {head.at}")
    typer.echo(f"密钥 / key: {proven.key}" + ("" if key else " (compare it with the one you know)"))
    for figure in proven.figures[-1:] if len(proven.figures) == 1 else ():
        typer.echo(f"{figure.name} = {figure.value} ({figure.rule_version}, {figure.moment})")
    if proven.withdrawn:
        typer.echo(f"更正 / corrected since: {len(proven.withdrawn)}")
