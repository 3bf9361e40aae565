"""`tundish release`: what a release is made of, under which licences, and with which known flaws."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import give_up

if TYPE_CHECKING:
    from tundish_deploy.release.advisories import Database
    from tundish_deploy.release.locked import Locked

app = typer.Typer(no_args_is_help=True)

LockOption = Annotated[
    Path, typer.Option("--lock", help="Lock file: requirements/server.txt, edge.txt or dev.txt.")
]
_LOCK = Path("requirements/server.txt")


@app.callback()
def needs() -> None:
    """Ends with words where the libraries are missing; servers do without them."""
    if missing := [name for name in ("cyclonedx", "packaging") if find_spec(name) is None]:
        give_up(f"{' and '.join(missing)} missing: pip install tundish[release]")


@app.command()
def sbom(
    lock: LockOption = _LOCK,
    out: Annotated[Path | None, typer.Option(help="File to write; by default it is printed.")] = None,
) -> None:
    """The parts list as a CycloneDX document; SOURCE_DATE_EPOCH gives its time."""
    from tundish_deploy.release.sbom import sbom as make

    made = int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.now(UTC).timestamp())
    text = make(_locked(lock), installed_version("tundish"), datetime.fromtimestamp(made, UTC))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8")


@app.command()
def licences(lock: LockOption = _LOCK) -> None:
    """The licence of each part; ends with 1 where one is unknown, or asks for more than its mention."""
    from tundish_deploy.release.licences import Duty, by_licence
    from tundish_deploy.release.licences import licences as read

    found = read(_locked(lock))
    for licence, names in by_licence(found).items():
        typer.echo(f"{licence}\n    {', '.join(names)}")
    counts = Counter(one.duty for one in found)
    typer.echo(", ".join(f"{duty}: {counts[duty]}" for duty in Duty))
    asked = [one for one in found if one.duty in {Duty.UNKNOWN, Duty.STRONG_COPYLEFT}]
    for one in asked:
        typer.echo(f"{one.name} {one.version}: {one.licence or 'says nothing of a licence'}", err=True)
    raise typer.Exit(1 if asked else 0)


@app.command()
def advisories(
    database: Annotated[
        Path,
        typer.Option(
            "--database", help="OSV's zip of PyPI's advisories (PyPI/all.zip), or a folder of them."
        ),
    ],
    lock: LockOption = _LOCK,
    max_age: Annotated[int, typer.Option("--max-age", help="Days that the database may be old.", min=1)] = 30,
) -> None:
    """Known flaws of the parts. Ends with 1 if there are any, with 2 if the database cannot tell."""
    from tundish_deploy.release.advisories import DatabaseUnusable, findings
    from tundish_deploy.release.osv import read_osv

    locked = _locked(lock)
    try:
        known = read_osv(database)
        known.prove(datetime.now(UTC), timedelta(days=max_age))
    except DatabaseUnusable as error:
        typer.echo(f"No answer: {error}", err=True)
        raise typer.Exit(2) from None
    found = findings(locked, known)
    for one in found:
        names = " ".join([one.advisory.id, *sorted(one.advisory.aliases)])
        typer.echo(f"{one.name} {one.version}: {names}: {one.advisory.summary}")
    typer.echo(_said(locked, known, len(found)))
    raise typer.Exit(1 if found else 0)


def _said(locked: list[Locked], known: Database, found: int) -> str:
    """The answer with what it rests on: whoever reads "none" shall see how old that is."""
    flaws = f"{found} known flaws" if found else "No known flaw"
    return (
        f"{flaws} in {len(locked)} distributions, by {known.count} advisories up to "
        f"{known.newest:%Y-%m-%d %H:%M} UTC. "
        "Flaws found since, system packages, and code inside wheels and pages are not looked at."
    )


def _locked(lock: Path) -> list[Locked]:
    from tundish_deploy.release.locked import LockError, read_lock

    try:
        return read_lock(lock)
    except LockError as error:
        give_up(str(error))
