"""`tundish store`: what the platform's operator does with one tenant's data."""

from __future__ import annotations

import getpass
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from tundish_deploy.settings import Settings
    from tundish_platform.tenancy import Permission, TenantScope
    from tundish_platform.tenancy.metadata import Metadata

app = typer.Typer(no_args_is_help=True)
console = Console()

Slug = Annotated[str, typer.Argument(help="Short name of the tenant.")]
Limit = Annotated[str | None, typer.Option(help="A number, `unlimited`, or `default` for the settings'.")]
Target = Annotated[Path, typer.Argument(help="A new folder, or a file that ends in .zip.")]
_POLL_S = 0.2


@app.callback()
def _group() -> None:
    """What was changed and by whom goes to the log, and so to standard error."""
    configure_logs()


@app.command()
def policy(  # noqa: PLR0913 - one option each
    slug: Slug,
    *,
    rows_per_s: Limit = None,
    burst_rows: Limit = None,
    max_bytes: Limit = None,
    query_s_per_min: Limit = None,
    raw_days: Limit = None,
    rollup_60_days: Limit = None,
    rollup_3600_days: Limit = None,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Show a tenant's quotas and retention, or set those that are named."""
    from pydantic import ValidationError

    from tundish_platform.store.lifecycle.policy import (
        PolicyChange,
        PolicyRefused,
        change_policy,
        read_policy,
    )

    named = {
        "rows_per_s": rows_per_s, "burst_rows": burst_rows, "max_bytes": max_bytes,
        "query_s_per_min": query_s_per_min, "raw_days": raw_days, "rollup_60_days": rollup_60_days,
        "rollup_3600_days": rollup_3600_days,
    }  # fmt: skip
    given = {key: None if text == "default" else text for key, text in named.items() if text is not None}
    usable = usable_settings(settings)
    defaults = usable.policy_defaults
    with _session(usable) as (session, _):
        scope = _operating(session, slug)
        try:
            change = PolicyChange.model_validate(given)
            found = (change_policy if given else _reading(read_policy))(session, scope, change, defaults)
        except ValidationError as error:
            key = ".".join(str(part) for part in error.errors()[0]["loc"][:1])
            give_up(
                f"{key} 无法使用: 请给出大于 0 的数、unlimited 或 default。\n"
                f"{key} cannot be used: give a number above 0, unlimited, or default."
            )
        except PolicyRefused as error:
            give_up(f"{error.message_zh}\n{error.message_en}")
    _show(found.as_dict(), json=json)


@app.command()
def hold(
    slug: Slug,
    *,
    reason: Annotated[str, typer.Option(help="The case or the order.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Take the hold off.")] = False,
    settings: SettingsOption = None,
) -> None:
    """Put a legal hold on a tenant: nothing of it is removed until the hold is released."""
    from tundish_platform.store.lifecycle.policy import PolicyRefused, place_hold, release_hold

    with _session(usable_settings(settings)) as (session, _):
        scope = _operating(session, slug)
        if release:
            was_on = release_hold(session, scope)
        else:
            try:
                place_hold(session, scope, reason)
            except PolicyRefused as error:
                give_up(f"{error.message_zh}\n{error.message_en}")
    if release and not was_on:
        give_up(f"租户 {slug} 没有法律保全。\nTenant {slug} is not held.")
    typer.echo(f"{slug}: {'released' if release else 'held'}")


@app.command()
def retain(slug: Slug, *, json: JsonOption = False, settings: SettingsOption = None) -> None:
    """Show what retention keeps of a tenant and what it has removed; the server applies it every hour."""
    from tundish_platform.samples import SampleKind
    from tundish_platform.store.lifecycle.policy import read_policy
    from tundish_platform.store.lifecycle.retention import LEVELS, edge, pending_files, removed
    from tundish_platform.tenancy import Permission

    usable = usable_settings(settings)
    with _session(usable) as (session, _):
        scope = _operating(session, slug)
        found = read_policy(session, scope, usable.policy_defaults)
        reader = _scope(session, slug, Permission.READ)
        gone = removed(session, reader, date(1970, 1, 1), date(2200, 1, 1))
        waiting = sum(tenant == scope.tenant_id for tenant, _ in pending_files(session))
    now = datetime.now(UTC)
    first = {str(level): edge(found, SampleKind.NUMERIC, level, now) for level in LEVELS}
    report = {
        "held": found.hold is not None,
        "first_day_kept": {level: None if day is None else str(day) for level, day in first.items()},
        "files_waiting_for_readers": waiting,
        "removed": [
            {"kind": r.kind, "level": r.level, "start": str(r.start), "end": str(r.end), "rows": r.rows}
            for r in gone
        ],
    }
    _show(report, json=json)


@app.command()
def remove(
    slug: Slug,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept with the receipt.")],
    confirm: Annotated[str, typer.Option(help="The short name once more: there is no way back.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for the receipt.", min=0)] = 0.0,
    settings: SettingsOption = None,
) -> None:
    """Remove a tenant so that nothing of it is left: access at once, the rest by the running server."""
    from tundish_platform.store.lifecycle.removal import RemovalRefused, begin_removal

    if confirm != slug:
        give_up(
            f"--confirm 必须与 {slug} 相同; 未删除任何内容。\n--confirm must be {slug}; nothing was removed."
        )
    with _session(usable_settings(settings)) as (session, metadata):
        try:
            number = begin_removal(session, _operating(session, slug), reason)
        except RemovalRefused as error:
            give_up(f"{error.message_zh}\n{error.message_en}")
        session.commit()
        receipt = _receipt(metadata, number, wait)
    if receipt is None:
        typer.echo(
            f"removal {number} of {slug} is begun: nobody has access any more. The running server does the "
            "rest; if none runs, it is done at the next start."
        )
    else:
        _show({"removal": number, **receipt}, json=True)


@app.command()
def export(
    slug: Slug,
    target: Target,
    *,
    by: Annotated[Literal["month", "day"], typer.Option(help="One file a month or a day.")] = "month",
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Write everything a tenant has as plain Parquet and CSV that pandas alone can read."""
    from tundish_deploy.takeout import take_out
    from tundish_platform.tenancy import Permission

    found = usable_settings(settings)
    with _session(found) as (session, metadata):
        scope = _scope(session, slug, Permission.READ)
        try:
            whole, manifest = take_out(session, metadata, scope, found, target, by)
        except FileExistsError as error:
            give_up(f"目标已存在: {error}\nThe target is there already: {error}")
    if not whole:
        typer.echo(
            "The store's writer runs and does not answer: rows that lie in no segment yet are not in this "
            "export. Stop it for a complete one.",
            err=True,
        )
    if manifest["damaged"]:
        typer.echo(f"Damaged and therefore missing: {', '.join(manifest['damaged'])}", err=True)
    files = len(manifest["files"])
    _show({"target": str(target), "files": files, "rows": manifest["rows"], "whole": whole}, json=json)


@contextmanager
def _session(found: Settings) -> Iterator[tuple[Session, Metadata]]:
    """The installation's database; it is not made or migrated here: that is the server's."""
    from sqlalchemy import inspect

    from tundish_platform.store.lifecycle.tables import StorePolicy
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    file = None if found.metadata_url else found.data_dir / "metadata.sqlite"
    metadata = Metadata(found.database) if file is None or file.exists() else None
    if metadata is None or not inspect(metadata.engine).has_table(StorePolicy.__tablename__):
        give_up(
            f"在 {found.data_dir} 找不到本版本的平台数据。请检查 --settings, 或先运行一次 tundish up。\n"
            f"There is no platform of this version in {found.data_dir}. Check --settings, or start "
            "`tundish up` once."
        )
    operating = metadata.above(Above.OPERATOR)
    try:
        with operating.session() as session:
            yield session, operating
    finally:
        metadata.close()


def _operating(session: Session, slug: str) -> TenantScope:
    from tundish_platform.tenancy import Permission

    return _scope(session, slug, Permission.OPERATE)


def _scope(session: Session, slug: str, permission: Permission) -> TenantScope:
    """Whoever may run commands with the platform's files may operate it; the log says who that was."""
    from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
    from tundish_platform.tenancy.accounts import job_principal

    role = Role.PLATFORM_OPERATOR if permission is Permission.OPERATE else Role.VIEWER
    try:
        return access_tenant(
            job_principal(session, f"tundish-store:{getpass.getuser()}", role), slug, permission
        )
    except AccessDenied:
        give_up(f"没有租户 {slug}。\nThere is no tenant {slug}.")


def _receipt(metadata: Metadata, number: int, wait: float) -> dict[str, Any] | None:
    from tundish_platform.store.lifecycle.tables import TenantRemoval

    deadline = time.monotonic() + wait
    while True:
        with metadata.session() as session:
            row = session.get_one(TenantRemoval, number)
            if row.finished_at is not None:
                return dict(row.receipt)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_S)


def _reading(read: Any) -> Any:  # noqa: ANN401 - a function of fewer arguments
    return lambda session, scope, _change, defaults: read(session, scope, defaults)


def _show(report: dict[str, Any], *, json: bool) -> None:
    if json:
        console.print_json(data=report)
        return
    for key, value in report.items():
        typer.echo(f"{key:<26} {'unlimited' if value is None and key != 'hold' else value}")
