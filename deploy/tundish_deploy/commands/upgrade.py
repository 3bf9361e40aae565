"""`tundish upgrade`: from an earlier version to this one, with a way back."""

from __future__ import annotations

from typing import Annotated

import typer

from tundish_deploy.commands.backup import KeyOption, PlaceOption, backup_place, refusals, show
from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings


def upgrade(
    *,
    backup: Annotated[bool, typer.Option(help="Make a backup first; it is the only way back.")] = True,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Bring a stopped platform to this version: back up, migrate, look again, say what changed."""
    from tundish_deploy.backups.create import create_backup
    from tundish_deploy.upgrading import UpgradeRefused, run_upgrade

    found = usable_settings(settings)

    def make() -> str:
        return create_backup(found, backup_place(found, place, key_file, make=True)).name

    with refusals():
        try:
            done = run_upgrade(found, make if backup else None)
        except UpgradeRefused as error:
            give_up(str(error))
    if json:
        show(done.as_dict(), json=True)
    else:
        for revision, words in done.steps:
            typer.echo(f"{revision}  {words}")
        typer.echo(
            f"{done.before} -> {done.after}" if done.steps else f"{done.after}: 已是最新版本。 Up to date."
        )
        if done.backup:
            typer.echo(f"Way back: tundish restore {done.backup}, with the version from before.")
    if done.faults:
        give_up("\n".join(done.faults))
