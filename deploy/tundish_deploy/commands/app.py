"""`tundish app`: from an empty folder to a published app."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tundish_deploy.commands import appkeys
from tundish_deploy.commands.appkeys import ServerOption, TenantOption, TokenOption, asking
from tundish_deploy.commands.connect_texts import Language
from tundish_deploy.commands.options import give_up

if TYPE_CHECKING:
    from tundish_platform.marketplace import App
    from tundish_platform.marketplace.publishing import Report
    from tundish_platform.sdk.calls.publishing_answers import Version
    from tundish_platform.sdk.package import Package

app = typer.Typer(no_args_is_help=True)
app.add_typer(appkeys.app, name="keys", help="Keys that sign packages: make, add, rotate, revoke.")

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the app, with tundish_app_<name> in it.")]
ArchiveArgument = Annotated[Path, typer.Argument(help="The package, <id>-<version>.zip.")]


@app.command()
def new(
    app_id: Annotated[str, typer.Argument(help="Id of the app: lower case with hyphens.")],
    publisher: Annotated[str, typer.Option(help="Name under which you publish.")],
    *,
    semantic: Annotated[
        str, typer.Option(help="Semantic kind of the signals it reads, or a family such as pressure.*")
    ] = "pressure.*",
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "限值监视",
    name_en: Annotated[str, typer.Option(help="Name in English.")] = "Limit watch",
    folder: Annotated[Path, typer.Option(help="Where apps lie; the app gets a folder below.")] = Path(),
) -> None:
    """Make an app that works: manifest, code, cards in both languages, a test, a file to try it on."""
    from tundish_deploy.appmaker.newapp import AppRefused, make_app

    try:
        made = make_app(folder, app_id, publisher, semantic, (name_zh, name_en))
    except AppRefused as error:
        give_up(f"{error}.")
    typer.echo(f"{made}: next is tundish app test {made}")


@app.command()
def test(folder: FolderArgument) -> None:
    """Run the checks that the platform will run, then the app's own tests."""
    from tundish_platform.marketplace.isolation import best_isolation
    from tundish_platform.marketplace.publishing.checks import check_package

    isolation, _ = best_isolation()
    report = check_package(_app(folder), None, isolation)
    _tell(report)
    done = subprocess.run(  # noqa: S603 - this interpreter on the developer's own tests
        [sys.executable, "-c", _PYTEST, str(folder.resolve()), *(one for one in sys.path if one)], check=False
    )
    if done.returncode or not report.passed:
        give_up("The app is not ready: see above.")
    typer.echo("the app conforms and its tests pass")


# The tests import the app as its users do, and the platform as this command does.
_PYTEST = """
import sys; place, *rest = sys.argv[1:]; sys.path[:] = [place, *dict.fromkeys([*rest, *sys.path])]
import pytest; words = "-q -p no:cacheprovider -p no:dash -p no:schemathesis --rootdir".split()
sys.exit(pytest.main([*words, place, place + "/tests"]))
"""


@app.command()
def run(  # noqa: PLR0913 - one option each
    folder: FolderArgument,
    *,
    csv: Annotated[Path | None, typer.Option(help="Samples: ts,<input>[<unit>],… with zones.")] = None,
    tenant: TenantOption = None,
    server: ServerOption = "http://127.0.0.1:8050",
    token_file: TokenOption = None,
    end: Annotated[datetime | None, typer.Option(help="End of the tenant's window, UTC.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A parameter, key=value.")] = None,
    language: Annotated[Language, typer.Option("--lang")] = "zh",
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Run the app in the sandbox on a file, or on a tenant's window, which is only read."""
    from datetime import UTC

    from tundish_deploy.appmaker.window import WindowRefused, window_from_csv, window_from_tenant
    from tundish_deploy.appmaker.words import output_json, output_lines
    from tundish_platform.marketplace import ParameterRefused, run_sandboxed

    found = _app(folder)
    try:
        given = _settings(found, setting or [])
        if csv is not None:
            inputs = window_from_csv(found.manifest, csv, given)
        else:
            at = end and (end if end.tzinfo else end.replace(tzinfo=UTC))
            with asking(server, tenant, token_file) as (client, slug):
                inputs = window_from_tenant(found.manifest, client, slug, given, at)
    except (WindowRefused, ParameterRefused, OSError) as error:
        give_up(f"{error}.")
    result = run_sandboxed(found, inputs)
    if result.outputs is None:
        give_up(f"{result.outcome}: {result.detail}")
    if as_json:
        typer.echo(output_json(result.outputs))
        return
    typer.echo(f"{result.outcome} in {result.seconds:.2f} s ({result.isolation})", err=True)
    for line in output_lines(found.manifest, result.outputs, language):
        typer.echo(line)


@app.command()
def pack(
    folder: FolderArgument,
    to: Annotated[Path | None, typer.Option(help="Where to; by default <id>-<version>.zip here.")] = None,
) -> None:
    """Pack the app: the same files give the same bytes, everywhere and at any time."""
    from tundish_platform.sdk.package import PackageError
    from tundish_platform.sdk.package import pack as packed

    try:
        package = packed(_package_folder(folder))
    except (PackageError, OSError) as error:
        give_up(f"{error}.")
    file = to or Path(f"{package.manifest.id}-{package.manifest.version}.zip")
    file.write_bytes(package.data)
    typer.echo(f"{file}  {len(package.data)} bytes  sha256 {package.digest}")


@app.command()
def sign(
    archive: ArchiveArgument,
    key: Annotated[Path, typer.Option(help="Your private key.")],
) -> None:
    """Sign a package; the signature lies beside it as <package>.sig."""
    from tundish_platform.sdk.signing import KeyRefused, text_of
    from tundish_platform.sdk.signing import sign as signed

    package = _read(archive)
    try:
        made = signed(key.read_text("utf-8"), text_of(package))
    except (KeyRefused, OSError) as error:
        give_up(f"{error}.")
    file = _signature(archive)
    file.write_bytes(made)
    typer.echo(f"{file}  over {package.manifest.id} {package.manifest.version} sha256 {package.digest}")


@app.command()
def publish(
    archive: ArchiveArgument,
    *,
    tenant: TenantOption = None,
    server: ServerOption = "http://127.0.0.1:8050",
    token_file: TokenOption = None,
) -> None:
    """Send a signed package, have it checked, and hand it in for review."""
    package = _read(archive)
    if not _signature(archive).is_file():
        give_up(f"There is no {_signature(archive)}. Sign the package first.")
    signature = _signature(archive).read_bytes()
    with asking(server, tenant, token_file) as (client, slug):
        client.send_version(slug, package.data, signature)
        checked = client.check_version(slug, package.manifest.id, package.manifest.version)
    _tell_version(checked)


def _app(folder: Path) -> App:
    from tundish_platform.marketplace import App
    from tundish_platform.sdk import ManifestError, read_manifest

    place = _package_folder(folder)
    try:
        return App(read_manifest(place / "app.toml"), place)
    except ManifestError as error:
        give_up(str(error))


def _package_folder(folder: Path) -> Path:
    found = [path for path in sorted(folder.resolve().glob("tundish_app_*")) if path.is_dir()]
    if len(found) != 1:
        give_up(f"{folder} holds {len(found)} folders tundish_app_<name>; an app has one.")
    return found[0]


def _read(archive: Path) -> Package:
    from tundish_platform.sdk.package import PackageError, read_package

    try:
        return read_package(archive.read_bytes())
    except (PackageError, OSError) as error:
        give_up(f"{error}.")


def _signature(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sig")


def _settings(found: App, given: list[str]) -> dict[str, float | str]:
    kinds = {parameter.key: parameter.kind for parameter in found.manifest.parameters}
    settings: dict[str, float | str] = {}
    for one in given:
        key, _, value = one.partition("=")
        try:
            settings[key] = float(value) if kinds.get(key) == "number" else value
        except ValueError:
            give_up(f"{one}: {value!r} is no number.")
    return settings


def _tell(report: Report) -> None:
    typer.echo(f"checks in the sandbox ({report.isolation}): {'passed' if report.passed else 'failed'}")
    for finding in report.findings:
        typer.echo(f"  {finding.check}: {finding.problem}")


def _tell_version(version: Version) -> None:
    typer.echo(f"{version['app']} {version['version']}: {version['state']}")
    for finding in (version["report"] or {"findings": []})["findings"]:
        typer.echo(f"  {finding['check']}: {finding['problem']}")
    if version["state"] == "rejected":
        _refused()


def _refused() -> NoReturn:
    give_up("The checks found the above. Mend it, raise the version, pack, sign and publish again.")
