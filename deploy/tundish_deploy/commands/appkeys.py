"""`tundish app keys`: keys that sign packages; private ones stay in your files."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import give_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.sdk.client import Client

app = typer.Typer(no_args_is_help=True)

TenantOption = Annotated[str | None, typer.Option(help="Short name of your tenant.")]
ServerOption = Annotated[str, typer.Option(help="Where the platform is.")]
TokenOption = Annotated[Path | None, typer.Option(help="File that holds your key of the API, or a session.")]
KeyArgument = Annotated[Path, typer.Argument(help="File of the private key; the public one is <file>.pub.")]


@app.command("new")
def make(file: KeyArgument) -> None:
    """Make a key: <file>, which only you may read, and <file>.pub."""
    from tundish_platform.sdk.signing import fingerprint

    _make(file)
    typer.echo(f"{file} and {_public(file)}: fingerprint {fingerprint(_text(_public(file)))}")


@app.command()
def add(
    file: KeyArgument,
    *,
    publisher: Annotated[str | None, typer.Option(help="Name to publish under; the first time.")] = None,
    tenant: TenantOption = None,
    server: ServerOption = "http://127.0.0.1:8050",
    token_file: TokenOption = None,
) -> None:
    """Add a key for the operator to confirm: your first one, or one after a loss."""
    from tundish_platform.sdk.signing import key_text, sign

    with asking(server, tenant, token_file) as (client, slug):
        if publisher is not None:
            client.register_publisher(slug, publisher)
        public = _text(_public(file))
        made = client.add_signing_key(slug, public, sign(_text(file), key_text(slug, public)))
    typer.echo(f"{made['state']}: {made['fingerprint']}; tell the operator this fingerprint by another way")


@app.command()
def rotate(
    old: Annotated[Path, typer.Argument(help="File of the key that signs now.")],
    file: KeyArgument,
    *,
    tenant: TenantOption = None,
    server: ServerOption = "http://127.0.0.1:8050",
    token_file: TokenOption = None,
) -> None:
    """Make a new key, vouched for by the old one, which signs nothing any more from then on."""
    from tundish_platform.sdk.signing import key_text, sign

    _make(file)
    public = _text(_public(file))
    with asking(server, tenant, token_file) as (client, slug):
        text = key_text(slug, public)
        made = client.add_signing_key(slug, public, sign(_text(file), text), sign(_text(old), text))
    typer.echo(f"{made['state']}: {made['fingerprint']}; {old} is retired")


@app.command()
def revoke(
    fingerprint: Annotated[str, typer.Argument(help="Fingerprint of the key.")],
    reason: Annotated[str, typer.Option(help="Why; subscribers of what falls with it read it.")],
    *,
    since: Annotated[
        datetime | None, typer.Option(help="From when on the key may have been in other hands, UTC; now.")
    ] = None,
    tenant: TenantOption = None,
    server: ServerOption = "http://127.0.0.1:8050",
    token_file: TokenOption = None,
) -> None:
    """Revoke a key; versions that were sent with it since then are withdrawn and stop everywhere."""
    at = since or datetime.now(UTC)
    with asking(server, tenant, token_file) as (client, slug):
        done = client.revoke_signing_key(
            slug, fingerprint, at if at.tzinfo else at.replace(tzinfo=UTC), reason
        )
    typer.echo(f"revoked; {done['withdrawn']} versions withdrawn")


@contextmanager
def asking(server: str, tenant: str | None, token_file: Path | None) -> Iterator[tuple[Client, str]]:
    """A client and the tenant's name; what the platform refuses ends the command with its words."""
    from tundish_deploy.secrets import secret
    from tundish_platform.sdk.client import ApiError, Client
    from tundish_platform.sdk.signing import KeyRefused

    if tenant is None or token_file is None:
        give_up("Say --tenant and --token-file.")
    try:
        with Client(server, secret(token_file).get_secret_value()) as client:
            yield client, tenant
    except ApiError as error:
        give_up(f"{error.message}\n{error.message_zh}".strip())
    except (KeyRefused, OSError) as error:
        give_up(f"{error}.")


def _make(file: Path) -> None:
    from tundish_deploy.secrets import private_file
    from tundish_platform.sdk.signing import new_key, public_part

    if file.exists():
        give_up(f"{file} exists; a key that is overwritten is lost.")
    private = new_key()
    private_file(file, private)
    _public(file).write_text(public_part(private), encoding="utf-8")


def _public(file: Path) -> Path:
    return file.with_name(f"{file.name}.pub")


def _text(file: Path) -> str:
    return file.read_text("utf-8")
