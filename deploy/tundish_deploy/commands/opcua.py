"""`tundish opcua`: what else a plant asks of one OPC UA server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from tundish_deploy.commands.connection import ConnectionOptions, with_connection
from tundish_deploy.commands.options import SettingsOption, give_up, usable_settings
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tundish_connectors.opcua import OpcUaConnection
    from tundish_connectors.opcua.control import Outcome

app = typer.Typer(no_args_is_help=True)
console = Console(highlight=False)
_SHOWN = 50


@app.command()
@with_connection
def servers(options: ConnectionOptions) -> None:
    """List the servers that the one at this address knows of (FindServers)."""
    from asyncua.ua.uaerrors import UaError

    from tundish_connectors.opcua.endpoints import read_servers
    from tundish_connectors.opcua.errors import classify

    configure_logs("ERROR")
    try:
        found = asyncio.run(read_servers(options.url, 10.0))
    except (UaError, OSError, TimeoutError) as error:
        known = classify(error, options.url)
        give_up(f"{known.message_zh}\n{known.message_en}")
    for one in found:
        console.print(f"{one.name}  {one.kind}  {one.application_uri}", markup=False, soft_wrap=True)
        for url in one.urls:
            console.print(f"    {url}", markup=False, soft_wrap=True)


@app.command()
@with_connection
def signals(
    options: ConnectionOptions,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write one row for each signal into this .csv or .xlsx file.")
    ] = None,
) -> None:
    """Show what a rules file would change, before it is applied; or write the signals out as such a file."""
    from tundish_connectors.connector import ConnectorError
    from tundish_connectors.opcua.bulk import preview
    from tundish_connectors.opcua.rule_files import save_rules

    configure_logs("ERROR")
    connection = options.connection()
    try:
        seen = preview(connection)
    except ConnectorError as error:
        give_up(f"{error.message_zh}\n{error.message_en}")
    for change in seen.changes[:_SHOWN]:
        console.print(f"{change.server_path} → {change.path or '✗'}", markup=False, soft_wrap=True)
        for name, (before, after) in change.fields.items():
            if name != "path":
                console.print(f"    {name}: {before!r} → {after!r}", markup=False, soft_wrap=True)
    for path, why in list(seen.troubles.items())[:_SHOWN]:
        console.print(f"✗ {path}: {why}", markup=False, soft_wrap=True)
    for rule in seen.unused[:_SHOWN]:
        console.print(
            f"? row {rule.row}: {rule.match} fits no variable / 未匹配任何变量", markup=False, soft_wrap=True
        )
    console.print(
        f"{len(seen.survey.desired)} signals, {len(seen.changes)} changed, "
        f"{len(seen.survey.left_out)} left out, {len(seen.troubles)} in trouble"
    )
    if out is not None:
        save_rules(out, seen.rows())
        console.print(f"written / 已写入: {out}")
    raise typer.Exit(1 if seen.troubles else 0)


@app.command()
@with_connection
def certificate(
    options: ConnectionOptions,
    *,
    action: Annotated[
        Literal["show", "prepare", "finish"],
        typer.Option(
            help="show it; prepare the next one beside it; or finish: use the next one from now on."
        ),
    ] = "show",
) -> None:
    """Show or renew a connection's certificate: servers learn the next one while the present one is used."""
    from tundish_connectors.connector import ConnectorError
    from tundish_connectors.opcua import trust

    steps = {"show": trust.own_state, "prepare": trust.prepare_renewal, "finish": trust.finish_renewal}
    try:
        state = asyncio.run(steps[action](options.connection()))
    except ConnectorError as error:
        give_up(f"{error.message_zh}\n{error.message_en}")
    told = {
        "file / 文件": state.file,
        "SHA-256": state.sha256,
        "application URI / 应用 URI": state.uri,
        "valid until / 有效期至": f"{state.valid_until:%Y-%m-%d} ({state.days_left} d)",
    }
    if state.next is not None:
        told["next / 下一张"] = state.next
    # In whole lines: a fingerprint that a narrow table cuts cannot be compared.
    for name, value in told.items():
        console.print(f"{name}: {value}", markup=False, soft_wrap=True)
    if action == "prepare":
        console.print(
            "Let every server trust this file, then finish. / 请让各服务器信任该文件,再执行 --action finish。"
        )
    if state.ends_soon and state.next is None:
        console.print("It ends soon; prepare the next one. / 证书即将到期,请执行 --action prepare。")


Connection = Annotated[str, typer.Argument(help="Name of a connection in the settings.")]
Who = Annotated[str, typer.Option(help="Who does it, for the audit trail.")]


@app.command()
def write(
    connection: Connection,
    path: Annotated[str, typer.Argument(help="Path of the variable on the server.")],
    value: Annotated[str, typer.Argument(help='The new value, as JSON: 12.5, true or "text".')],
    *,
    who: Who,
    settings: SettingsOption = None,
) -> None:
    """Write one value to a machine, if the connection's settings grant exactly this path under `writable`."""
    from tundish_connectors.opcua.control import write_value

    chosen = _configured(settings, connection)
    outcome = _act(write_value(chosen, path, _json(value), who))
    console.print(f"{path}: {outcome.before!r} → {value}  {outcome.status}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if outcome.good else 1)


@app.command()
def call(
    connection: Connection,
    path: Annotated[str, typer.Argument(help="Path of the method on the server.")],
    inputs: Annotated[list[str] | None, typer.Argument(help="Inputs, each as JSON.")] = None,
    *,
    who: Who,
    settings: SettingsOption = None,
) -> None:
    """Call a machine's method, if the connection's settings grant exactly this path under `callable`."""
    from tundish_connectors.opcua.control import call_method

    chosen = _configured(settings, connection)
    outcome = _act(call_method(chosen, path, [_json(one) for one in inputs or []], who))
    console.print(f"{path}: {outcome.status} {outcome.results}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if outcome.good else 1)


def _configured(settings: Path | None, name: str) -> OpcUaConnection:
    from tundish_deploy.lines import opcua_connection

    found = usable_settings(settings)
    named = next((one for one in found.connection if one.name == name), None)
    if named is None:
        give_up(f"The settings have no connection {name!r}. / 设置中没有连接 {name!r}。")
    return opcua_connection(found, named)


def _act(work: Coroutine[None, None, Outcome]) -> Outcome:
    from tundish_connectors.connector import ConnectorError

    try:
        return asyncio.run(work)
    except ConnectorError as error:
        give_up(f"{error.message_zh}\n{error.message_en}")


def _json(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value
