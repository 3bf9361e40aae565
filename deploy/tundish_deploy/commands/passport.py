"""`tundish passport`: what a customer does with a product passport, and with any sealed document, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import give_up

app = typer.Typer(no_args_is_help=True)


@app.callback()
def passport() -> None:
    """Product passports and other sealed documents."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The file as it was handed over.")],
    key: Annotated[
        str | None, typer.Option("--key", help="Fingerprint of the platform's key, known from elsewhere.")
    ] = None,
) -> None:
    """Check seal and chain of a document without a network; ends with 1 if a byte of it was changed."""
    from tundish_platform.sdk.sealed import DocumentRefused
    from tundish_platform.sdk.verify import told, verify_document

    try:
        sealed = verify_document(file, key)
    except DocumentRefused as error:
        give_up(f"文件不可信 / not to be trusted: {error}")
    typer.echo(told(sealed, compared=key is not None), nl=False)
