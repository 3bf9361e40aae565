"""`tundish models`: the stored models of this installation, and our signature on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from tundish_analytics.models.registry import Registry
    from tundish_deploy.settings import Settings

app = typer.Typer(no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(help="Short name of the tenant.")]
Line = Annotated[str, typer.Argument(help="Path of the line, such as SY/Shop/CYL1.")]
Model = Annotated[str, typer.Argument(help="Name of the model, such as hydraulic-condition.")]
Version = Annotated[str, typer.Argument(help="Its version, as `tundish models check` shows it.")]


@app.command()
def check(*, json: JsonOption = False, settings: SettingsOption = None) -> None:
    """Show every stored version, and why it would not be loaded; code 1 if any is refused."""
    from dataclasses import asdict

    from tundish_analytics.models.resign import stored_versions

    found = stored_versions(_registry(usable_settings(settings)))
    if json:
        import json as text

        typer.echo(text.dumps({"versions": [asdict(one) for one in found]}, ensure_ascii=False))
    else:
        for one in found:
            typer.echo(f"{one.tenant} {one.line} {one.model} {one.version}: {one.refused or 'ours'}")
    if any(one.refused for one in found):
        raise typer.Exit(1)


@app.command()
def sign(tenant: Tenant, line: Line, model: Model, version: Version, settings: SettingsOption = None) -> None:
    """Sign one version of which you know that it was made here; nothing signs what it finds by itself."""
    from tundish_analytics.models.registry import RegistryError
    from tundish_analytics.models.resign import sign_version

    try:
        sign_version(_registry(usable_settings(settings)), tenant, line, model, version)
    except RegistryError as error:
        give_up(str(error))
    typer.echo(f"signed {model} {version}")


def _registry(installed: Settings) -> Registry:
    from tundish_analytics.models.registry import Registry

    return Registry(installed.data_dir / "models", installed.model_key)
