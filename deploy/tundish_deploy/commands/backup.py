"""`tundish backup` and `tundish restore`: encrypted, incremental, and drilled."""

from __future__ import annotations

import json as texts
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from tundish_deploy.backups.manifest import Manifest
    from tundish_deploy.backups.place import BackupPlace
    from tundish_deploy.settings import Settings

app = typer.Typer(no_args_is_help=True)

PlaceOption = Annotated[
    Path | None, typer.Option("--place", help="Folder of the backups; by default that of the settings.")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key-file", help="Key of the backups; by default that of the settings.")
]
NameArgument = Annotated[str, typer.Argument(help="Name of a backup, or `latest`.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Short name of the only tenant.")]


@app.command()
def key(file: Annotated[Path, typer.Argument(help="A new file; keep a copy of it elsewhere.")]) -> None:
    """Make the key that encrypts backups. Who loses it loses the backups."""
    from tundish_deploy.backups.sealing import new_key_file

    try:
        new_key_file(file)
    except FileExistsError as error:
        give_up(str(error))
    typer.echo(
        f"{file}: 请在别处保存一份副本; 丢失此密钥后, 备份无法恢复。\n"
        f"{file}: keep a copy elsewhere; without this key no backup can be restored."
    )


@app.command()
def create(
    *,
    tenant: TenantOption = None,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Back up the whole platform, or one tenant, while it runs. Only what changed is stored."""
    from tundish_deploy.backups.create import create_backup

    found = usable_settings(settings)
    with refusals():
        made = create_backup(found, backup_place(found, place, key_file, make=True), tenant)
    show(made.summary(), json=json)


@app.command("list")
def list_backups(
    *,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """List the backups, the oldest first."""
    from tundish_deploy.backups.manifest import read_manifest

    with refusals():
        there = backup_place(usable_settings(settings), place, key_file)
        found = [read_manifest(there, name).summary() for name in there.backups()]
    if json:
        typer.echo(texts.dumps({"backups": found}, ensure_ascii=False))
        return
    for one in found:
        rows = ", ".join(f"{count} {kind}" for kind, count in one["rows"].items()) or "no rows"
        typer.echo(f"{one['name']}  {one['tenant'] or 'whole platform'}  {rows}  +{one['new_bytes']} B")


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="Name of a backup, or `latest`; all if absent.")] = None,
    *,
    put_aside: Annotated[
        bool, typer.Option(help="Move damaged content away, so that the next backup stores it anew.")
    ] = False,
    within: Annotated[
        float | None, typer.Option(help="Fail, too, if the newest backup is older than so many hours.")
    ] = None,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Read every byte of the backups; ends with 1 if anything is damaged, missing or swapped."""
    from tundish_deploy.backups.verify import verify as look

    with refusals():
        there = backup_place(usable_settings(settings), place, key_file)
        names = None if name is None else [_named(there, name)]
        verdict = look(there, names)
        if put_aside:
            with there.alone():
                for chunk in verdict.chunks:
                    there.put_aside(chunk)
        if not there.backups():
            give_up(f"There is no backup in {there.folder}.")
        if within is not None:
            _check_age(there, within)
    show(verdict.as_dict(), json=json)
    raise typer.Exit(1 if verdict.faults else 0)


@app.command()
def keep(
    *,
    dry_run: Annotated[bool, typer.Option(help="Say what would go, and remove nothing.")] = False,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Let go of backups that `[backup.keep]` does not keep, and of content that no other one needs."""
    from tundish_deploy.backups.keeping import let_go

    found = usable_settings(settings)
    with refusals():
        report = let_go(backup_place(found, place, key_file), found.backup.keep, dry_run=dry_run)
    show(report, json=json)


@app.command()
def drill(
    name: NameArgument = "latest",
    *,
    work: Annotated[Path | None, typer.Option(help="Folder with room for everything once more.")] = None,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Restore a backup into an empty place and compare everything; ends with 1 if anything differs."""
    from tundish_deploy.backups.drill import drill as run

    with refusals():
        there = backup_place(usable_settings(settings), place, key_file)
        report = run(there, read(there, name), work)
    show(report.as_dict(), json=json)
    raise typer.Exit(0 if report.passed else 1)


def restore(
    name: NameArgument = "latest",
    *,
    tenant: TenantOption = None,
    place: PlaceOption = None,
    key_file: KeyOption = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Bring a backup back into the settings' empty data folder, or one tenant into a running platform."""
    found = usable_settings(settings)
    with refusals():
        there = backup_place(found, place, key_file)
        manifest = read(there, name)
        report: dict[str, Any]
        if tenant is None:
            from tundish_deploy.backups.restore import restore_whole

            restore_whole(there, manifest, found.data_dir, found.owner_database)
            report = {"restored": manifest.name, "data_dir": str(found.data_dir), "rows": manifest.rows}
        else:
            from tundish_deploy.backups.tenant import restore_tenant

            if found.store.mode == "cluster":
                give_up("A tenant is restored into a store on one machine only; see `mode` in [store].")
            report = restore_tenant(there, manifest, found.data_dir, found.database, tenant)
    show(report, json=json)


def backup_place(
    found: Settings, place: Path | None, key_file: Path | None, *, make: bool = False
) -> BackupPlace:
    """The place of backups that options or settings name, with its key.

    Raises:
        KeyUnusable, PlaceUnusable, NewerFormat: see `BackupPlace`.
    """
    from tundish_deploy.backups.place import BackupPlace
    from tundish_deploy.backups.sealing import BackupKey

    folder, file = place or found.backup.place, key_file or found.backup.key_file
    if folder is None:
        give_up("Name the folder of the backups: --place, or `place` in [backup] of the settings.")
    if file is not None:
        if make and file.resolve().is_relative_to(folder.resolve()):
            give_up(f"{file} lies among the backups: whoever has them would have their key. Move it away.")
        used = BackupKey.of_file(file)
    elif found.backup.key is not None:
        used = BackupKey.of(found.backup.key)
    else:
        give_up(
            "Backups are encrypted: make a key with `tundish backup key FILE`, then name it with --key-file "
            "or `key_file` in [backup] of the settings."
        )
    return BackupPlace.make(folder, used) if make else BackupPlace(folder, used)


def read(place: BackupPlace, name: str) -> Manifest:
    """A backup by its name, or the newest one."""
    from tundish_deploy.backups.manifest import read_manifest

    return read_manifest(place, _named(place, name))


def show(report: dict[str, Any], *, json: bool) -> None:
    """Print a report."""
    if json:
        typer.echo(texts.dumps(report, ensure_ascii=False))
        return
    for name, value in report.items():
        typer.echo(f"{name:<16} {value}")


class refusals:  # noqa: N801 - reads as a statement
    """Ends the command with a message where a backup cannot be made, read or restored."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Say what is known to go wrong."""
        from tundish_deploy.backups import create, database, moment, restore, sealing
        from tundish_deploy.backups import place as places
        from tundish_platform.migrations import NewerDatabase

        known = (
            create.BackupRefused, database.NotTheSame, moment.NoStandingStill, restore.RestoreRefused,
            sealing.Damaged, sealing.KeyUnusable, sealing.NewerFormat, places.PlaceUnusable,
            places.PlaceInUse, NewerDatabase, OSError,
        )  # fmt: skip
        if isinstance(error, known):
            give_up(str(error))


def _named(place: BackupPlace, name: str) -> str:
    known = place.backups()
    if name == "latest":
        if not known:
            give_up(f"There is no backup in {place.folder}.")
        return known[-1]
    if name not in known:
        give_up(f"There is no backup {name} in {place.folder}; see: tundish backup list")
    return name


def _check_age(place: BackupPlace, hours: float) -> None:
    at = read(place, "latest").at
    if datetime.now(UTC) - at > timedelta(hours=hours):
        give_up(f"The newest backup is of {at:%Y-%m-%d %H:%M} UTC: older than {hours:g} hours.")
