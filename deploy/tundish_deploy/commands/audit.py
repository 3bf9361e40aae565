"""`tundish audit`: the trail of who did what; verified in the database or from its export."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from tundish_platform.audit import Verdict

app = typer.Typer(no_args_is_help=True)

AnchorOption = Annotated[
    list[str] | None, typer.Option("--anchor", help="NUMBER:DIGEST that was written down elsewhere.")
]


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export; without it the trail in the database.")
    ] = None,
    anchor: AnchorOption = None,
    settings: SettingsOption = None,
) -> None:
    """Follow the chain from link to link; ends with 1 if anything was changed, removed or made anew."""
    anchors = dict(_anchor(text) for text in anchor or [])
    if file is None:
        from tundish_platform.audit import verify_trail

        with _session(settings) as session:
            verdict = verify_trail(session, anchors)
    else:
        verdict = _of_file(file, anchors)
    for fault in verdict.faults:
        typer.echo(fault, err=True)
    typer.echo(f"{verdict.entries} entries up to {verdict.last}:{verdict.digest}")
    raise typer.Exit(1 if verdict.faults else 0)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to; must not exist yet.")],
    settings: SettingsOption = None,
) -> None:
    """Write the trail, one entry a line. `tundish audit verify FILE` needs nothing else."""
    from tundish_platform.audit import all_entries

    count = 0
    with _session(settings) as session, _new(file).open("x", encoding="utf-8") as out:
        for entry in all_entries(session):
            out.write(entry.line() + "\n")
            count += 1
    typer.echo(f"{count} entries in {file}")


@app.command()
def anchor(settings: SettingsOption = None) -> None:
    """Print NUMBER:DIGEST of the last entry; kept elsewhere, it shows if the trail was made anew."""
    from tundish_platform.audit import head

    with _session(settings) as session:
        number, digest = head(session)
    typer.echo(f"{number}:{digest}")


@app.command()
def prune(
    days: Annotated[int, typer.Option(help="Keep so many days, 180 at least.")],
    settings: SettingsOption = None,
) -> None:
    """Let go of what is older; the trail records it and goes on to verify. Export first."""
    from tundish_platform.audit import prune as let_go

    try:
        with _session(settings) as session:
            actor = f"tundish-audit:{getpass.getuser()}"
            gone = let_go(session, actor, timedelta(days=days), datetime.now(UTC))
    except ValueError as error:
        give_up(str(error))
    typer.echo(f"{gone} entries removed")


def _of_file(file: Path, anchors: dict[int, str]) -> Verdict:
    """Verify an export; one that begins later than entry 1 needs the anchor of the entry before."""
    from tundish_platform.audit import GENESIS, entry_of, verify

    try:
        with file.open(encoding="utf-8") as lines:
            first = entry_of(next(lines, ""))
            after = first.number - 1
            previous = GENESIS if after == 0 else anchors.get(after)
            if previous is None:
                give_up(f"The export begins at entry {first.number}: give --anchor {after}:DIGEST.")
            lines.seek(0)
            return verify((entry_of(line) for line in lines), after=after, previous=previous, anchors=anchors)
    except (OSError, ValueError) as error:
        give_up(f"{file}: {error}")


def _anchor(text: str) -> tuple[int, str]:
    number, colon, digest = text.partition(":")
    if not (colon and number.isdigit()):
        give_up(f"{text!r} is no NUMBER:DIGEST.")
    return int(number), digest


def _new(file: Path) -> Path:
    if file.exists():
        give_up(f"{file} exists; an export never overwrites one.")
    return file


@contextmanager
def _session(settings: Path | None) -> Iterator[Session]:
    from sqlalchemy import inspect

    from tundish_platform.audit.models import AuditHead
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    found = usable_settings(settings)
    file = None if found.metadata_url else found.data_dir / "metadata.sqlite"
    metadata = Metadata(found.database) if file is None or file.exists() else None
    if metadata is None or not inspect(metadata.engine).has_table(AuditHead.__tablename__):
        give_up(f"There is no platform of this version in {found.data_dir}. Start `tundish up` once.")
    try:
        with metadata.above(Above.OPERATOR).session() as session:
            yield session
    finally:
        metadata.close()
