"""`tundish programme`: figures verified offline by anybody, and the bureau's monthly report as files."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_deploy.settings import Settings
    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.programme.reports.models import IssuedReport
    from tundish_platform.tenancy.metadata import Metadata

app = typer.Typer(no_args_is_help=True)


@app.callback()
def programme() -> None:
    """Figures of the programme."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Export of the log, a figure with its proof, or a package.")],
    against: Annotated[
        Path | None, typer.Option("--against", help="A head you kept, that the log must have grown out of.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Fingerprint of the platform's key, known from elsewhere.")
    ] = None,
) -> None:
    """Check that no published figure was changed, without network or database; ends with 1 if one was."""
    from tundish_platform.programme.published.verifying import NotProven, verify_file

    try:
        kept = None if against is None else against.read_bytes()
        proven = verify_file(file.read_bytes(), key=key, against=kept)
    except OSError as error:
        give_up(f"无法读取 / cannot be read: {error}")
    except NotProven as error:
        give_up(f"数据不可信 / not to be trusted: {error}")
    head = proven.head
    typer.echo(f"可信 / verified: {len(proven.figures)} of {head.size} figures, as signed at {head.at}")
    typer.echo(f"密钥 / key: {proven.key}" + ("" if key else " (compare it with the one you know)"))
    for figure in proven.figures[-1:] if len(proven.figures) == 1 else ():
        typer.echo(f"{figure.name} = {figure.value} ({figure.rule_version}, {figure.moment})")
    if proven.withdrawn:
        typer.echo(f"更正 / corrected since: {len(proven.withdrawn)}")


@app.command()
def report(
    month: Annotated[str, typer.Argument(help="A frozen month, such as 2026-02.")],
    target: Annotated[Path, typer.Option("--out", help="Folder for the Excel, Word and PDF files.")],
    reason: Annotated[str, typer.Option(help="Issue it again, and why.")] = "",
    settings: SettingsOption = None,
) -> None:
    """Write a month's report in both languages, as it was issued; issue it where nobody did."""
    from tundish_platform.documents import FontsMissing
    from tundish_platform.programme.reports.counting import MonthNotFrozen
    from tundish_platform.programme.reports.writing import FORMS, file_name, report_file

    try:
        made = _issued(usable_settings(settings), month, reason)
        target.mkdir(parents=True, exist_ok=True)
        for language in ("zh", "en"):
            for form in FORMS:
                file = target / file_name(made, form, language)
                file.write_bytes(report_file(made, form, language))
                typer.echo(str(file))
    except MonthNotFrozen:
        give_up(f"{month} 的数据未冻结 / the facts of {month} are not frozen")
    except FontsMissing as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"无法写入 / cannot be written: {error}")
    typer.echo(f"{made.month} 第{made.issue}期 / issue {made.issue}, SHA-256 {made.digest}")


def _issued(settings: Settings, month: str, reason: str) -> IssuedReport:
    """The report that stands, or a new one."""
    from sqlalchemy import inspect

    from tundish_deploy.secrets import kept_secret
    from tundish_platform.api.reports import issue_report
    from tundish_platform.programme.published import HeadSigner
    from tundish_platform.programme.reports.issuing import standing_report
    from tundish_platform.programme.reports.models import IssuedReport
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.passwords import utc_now
    from tundish_platform.tenancy.reach import Above

    there = bool(settings.metadata_url) or (settings.data_dir / "metadata.sqlite").exists()
    metadata = Metadata(settings.database) if there else None
    if metadata is None or not inspect(metadata.engine).has_table(IssuedReport.__tablename__):
        give_up(f"There is no platform of this version in {settings.data_dir}. Start `tundish up` once.")
    signer = HeadSigner(kept_secret(settings.key("figures")))
    by = f"cli:{getpass.getuser()}"
    try:
        with metadata.above(Above.ADOPTION).session() as session:
            made = None if reason else standing_report(session, month)
            if made is None:
                apps = _apps(settings, metadata)
                made = issue_report(session, apps, signer, month, by, utc_now(), reason=reason)
            # Its text, too, which is read when it is asked for: the session ends here.
            session.refresh(made, ["text"])
            return made
    finally:
        metadata.close()


def _apps(settings: Settings, metadata: Metadata) -> Mapping[str, App]:
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.marketplace.publishing import ApprovedPackages, PackageFolder

    packages = PackageFolder(settings.data_dir / "apps")
    return Catalogue.find(packages=ApprovedPackages(metadata, packages)).apps
