"""`tundish tenant`: make a tenant with its owner's log-in and its collector's token."""

from __future__ import annotations

from typing import Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, give_up, usable_settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `add` a sub-command although it is the only one."""


@app.command()
def add(
    slug: Annotated[str, typer.Argument(help="Short name: a-z, 0-9 and hyphens.")],
    name_zh: Annotated[str, typer.Option(help="Chinese name.")],
    name_en: Annotated[str, typer.Option(help="English name.")],
    timezone: Annotated[str, typer.Option(help="IANA time zone of the plant.")] = "Asia/Shanghai",
    settings: SettingsOption = None,
) -> None:
    """Make a tenant, its owner's log-in and a token for its collectors; both secrets are shown this once."""
    from sqlalchemy.exc import IntegrityError

    from tundish_deploy.secrets import new_password
    from tundish_deploy.stores import prepare
    from tundish_platform.tenancy import Role
    from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    found = usable_settings(settings)
    prepare(found)
    metadata = Metadata(found.database)
    password = new_password()
    try:
        with metadata.above(Above.OPERATOR).session() as session:
            create_tenant(session, slug, name_zh, name_en, timezone)
            create_user(session, slug, name_zh, password, {slug: [Role.OWNER]})
            token = create_token(session, f"collect-{slug}", {slug: [Role.COLLECTOR]})
    except (ValueError, IntegrityError) as error:
        give_up(f"Tenant {slug} was not made: {error.args[0]}")
    finally:
        metadata.close()
    typer.echo(f"tenant    {slug}\nlog-in    {slug}\npassword  {password}")
    typer.echo(f"token of its collectors, for tundish connect: {token}")
