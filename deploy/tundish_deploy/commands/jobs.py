"""`tundish jobs`: what workers are asked for, in one tenant."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.jobs import JobInfo
    from tundish_platform.tenancy import TenantScope

app = typer.Typer(no_args_is_help=True)
console = Console(highlight=False)

Slug = Annotated[str, typer.Argument(help="Short name of the tenant.")]


@app.command("list")
def listed(
    slug: Slug,
    *,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=500)] = 20,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """The tenant's jobs, the newest first."""
    from tundish_platform.jobs import list_jobs

    with _tenant(settings, slug) as (session, scope):
        found = list_jobs(session, scope, limit=limit)
    if json:
        console.print_json(data={"jobs": [job.model_dump(mode="json") for job in found]})
        return
    table = Table("id", "kind", "state", "done", "tries", "asked by", "asked at", "says")
    for job in found:
        says = job.failure_en or job.words_en
        tries, share = f"{job.attempts}/{job.max_attempts}", f"{job.share:.0%}"
        asked = f"{job.asked_at:%Y-%m-%d %H:%M}"
        table.add_row(str(job.id), job.kind, job.state, share, tries, job.asked_by, asked, says)
    console.print(table)


@app.command()
def ask(
    slug: Slug,
    kind: Annotated[str, typer.Argument(help="train, evaluate or train-machines.")],
    *,
    line: Annotated[str | None, typer.Option(help="Path of the line; of train and evaluate.")] = None,
    semantic: Annotated[
        str | None, typer.Option(help="Kind of the signal to be expected; of train-machines.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days of history; of train-machines.")] = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Ask for a job; a worker takes it when the tenant's turn comes."""
    from pydantic import ValidationError

    from tundish_platform.jobs import JobSpec, TooManyJobs, ask_job
    from tundish_platform.tenancy.passwords import utc_now

    given = {"line": line, "target": semantic, "days": days}
    said = {name: value for name, value in given.items() if value is not None}
    try:
        spec = JobSpec.model_validate({"kind": kind, "arguments": said})
        with _tenant(settings, slug) as (session, scope):
            asked = ask_job(session, scope, spec, utc_now())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        give_up(f"{kind} cannot be asked for so: {'.'.join(map(str, first['loc']))} {first['msg']}")
    except TooManyJobs as error:
        give_up(f"{error} jobs of {slug} wait already.")
    _show(asked, json=json)


@app.command()
def cancel(
    slug: Slug,
    number: Annotated[int, typer.Argument(help="Id of the job.", min=1)],
    *,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Not want a job any more; one that runs ends with its worker's next report."""
    from tundish_platform.jobs import UnknownJob, cancel_job
    from tundish_platform.tenancy.passwords import utc_now

    try:
        with _tenant(settings, slug) as (session, scope):
            cancelled = cancel_job(session, scope, number, utc_now())
    except UnknownJob:
        give_up(f"{slug} has no job {number}.")
    _show(cancelled, json=json)


def _show(job: JobInfo, *, json: bool) -> None:
    if json:
        console.print_json(data=job.model_dump(mode="json"))
    else:
        wanted = "" if job.state == "cancelled" or not job.cancelled_by else ", ends with its next report"
        console.print(f"job {job.id}: {job.kind}, {job.state}{wanted}")


@contextmanager
def _tenant(file: Path | None, slug: str) -> Iterator[tuple[Session, TenantScope]]:
    """A transaction in the tenant. Whoever may run commands with the platform's files operates it."""
    from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
    from tundish_platform.tenancy.accounts import job_principal
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    metadata = Metadata(usable_settings(file).database)
    try:
        with metadata.above(Above.OPERATOR).session() as session:
            who = job_principal(session, f"tundish-jobs:{getpass.getuser()}", Role.ENGINEER, [slug])
        try:
            scope = access_tenant(who, slug, Permission.CONFIGURE)
        except AccessDenied:
            give_up(f"There is no tenant {slug}.")
        with metadata.of(scope).session() as session:
            yield session, scope
    finally:
        metadata.close()
