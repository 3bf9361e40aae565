"""`tundish person`: invite somebody, help somebody who lost their authenticator, make the key for codes."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, errors, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

app = typer.Typer(no_args_is_help=True)


@app.command()
def key(file: Annotated[Path, typer.Argument(help="Where to; must not exist yet.")]) -> None:
    """Make the key that encrypts second factors; name the file as people.key_file in the settings."""
    from cryptography.fernet import Fernet

    from tundish_deploy.secrets import private_file

    if file.exists():
        give_up(f"{file} exists; whoever enrolled with its key could not log in any more.")
    private_file(file, Fernet.generate_key().decode())
    typer.echo(f"key in {file}; keep a copy, for without it nobody who enrolled can log in")


@app.command()
def operator(settings: SettingsOption = None) -> None:
    """Make the operator's log-in where there is none; tundish up does it by itself, a cluster does not."""
    from tundish_deploy.up import StartError, first_start

    try:
        first_start(usable_settings(settings), errors.print)
    except StartError as error:
        give_up(str(error))


@app.command()
def invite(
    tenant: Annotated[str, typer.Argument(help="Slug of the tenant.")],
    login: Annotated[str, typer.Argument(help="Log-in name a new person gets, most often a mail address.")],
    role: Annotated[list[str], typer.Option(help="Role, or role@Site/Area/Line for a part of the plant.")],
    settings: SettingsOption = None,
) -> None:
    """Invite somebody to a tenant; the address is shown this once and goes to that person."""
    from tundish_deploy.people import people_settings
    from tundish_deploy.settings import SettingsError
    from tundish_platform.people.grants import HeldRole
    from tundish_platform.people.invitations import invite as make
    from tundish_platform.people.refusal import PeopleRefused
    from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
    from tundish_platform.tenancy.accounts import job_principal

    try:
        origin = people_settings(usable_settings(settings)).origin
        held = [
            HeldRole.model_validate(dict(zip(("role", "place"), one.split("@"), strict=False)))
            for one in role
        ]
        with _session(settings) as session:
            operator = job_principal(session, f"tundish-person:{getpass.getuser()}", Role.OWNER)
            scope = access_tenant(operator, tenant, Permission.MANAGE)
            view, token = make(session, scope, login, held, datetime.now(UTC))
    except AccessDenied:
        give_up(f"There is no tenant {tenant}.")
    except (PeopleRefused, SettingsError, ValueError) as error:
        give_up(str(error))
    typer.echo(f"{origin}/invitation/{token}")
    typer.echo(f"good for one person until {view.expires_at:%Y-%m-%d %H:%M} UTC", err=True)


@app.command()
def reset_factor(
    login: Annotated[str, typer.Argument(help="Log-in name of the person.")],
    settings: SettingsOption = None,
) -> None:
    """Ask a person for no code any more; for one who lost authenticator and recovery codes."""
    from sqlalchemy import select

    from tundish_platform.audit import record
    from tundish_platform.people.factors import remove_factor
    from tundish_platform.tenancy.models import User
    from tundish_platform.tenancy.passwords import fold_login

    now = datetime.now(UTC)
    with _session(settings) as session:
        number = session.scalar(select(User.id).where(User.login == fold_login(login)))
        if number is None:
            give_up(f"Nobody logs in as {login}.")
        if not remove_factor(session, number, now):
            give_up(f"{login} has no second factor.")
        actor = f"tundish-person:{getpass.getuser()}"
        record(session, actor, "factor.reset", f"user/{number}", now=now)
    typer.echo(f"{login} logs in with the password alone, until they enrol again")


@app.command()
def link(
    login: Annotated[str, typer.Argument(help="Log-in name of the person.")],
    provider: Annotated[str, typer.Argument(help="Name of the identity provider in the settings.")],
    subject: Annotated[str, typer.Argument(help="The provider's own name for the person, its claim sub.")],
    settings: SettingsOption = None,
) -> None:
    """Let a person log in with an identity provider; a mail address links nobody."""
    from sqlalchemy import select

    from tundish_deploy.people import people_settings
    from tundish_deploy.settings import SettingsError
    from tundish_platform.people.identities import link as link_person
    from tundish_platform.tenancy.models import User
    from tundish_platform.tenancy.passwords import fold_login

    try:
        found = people_settings(usable_settings(settings)).provider(provider)
        if found is None:
            give_up(f"The settings name no provider {provider}.")
        with _session(settings) as session:
            number = session.scalar(select(User.id).where(User.login == fold_login(login)))
            if number is None:
                give_up(f"Nobody logs in as {login}.")
            link_person(session, found, subject, number, datetime.now(UTC))
    except (SettingsError, ValueError) as error:
        give_up(str(error))
    typer.echo(f"{login} logs in as {subject} of {provider}")


@contextmanager
def _session(settings: Path | None) -> Iterator[Session]:
    from tundish_platform.migrations import upgrade
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    found = usable_settings(settings)
    found.data_dir.mkdir(parents=True, exist_ok=True)
    metadata = Metadata(found.database)
    try:
        upgrade(metadata)
        with metadata.above(Above.OPERATOR).session() as session:
            yield session
    finally:
        metadata.close()
