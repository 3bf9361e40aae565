"""`tundish replay`, `tundish connect`, `tundish doctor`: an OPC UA server at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from tundish_deploy.commands.options import give_up
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from tundish_connectors.opcua import OpcUaConnection
    from tundish_connectors.opcua.discover import Discovery

console = Console(highlight=False)

Url = Annotated[str, typer.Argument(help="opc.tcp://host:port/…")]
Folder = Annotated[Path, typer.Option(help="State of this connection: certificate, trust, spool.")]
User = Annotated[str | None, typer.Option(help="User name at the server; anonymous if absent.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File that holds the user's password.")]
Security = Annotated[
    Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"],
    typer.Option(help="Security policy; None sends everything in clear text."),
]
Trust = Annotated[Path | None, typer.Option(help="The server's certificate, or a folder of trusted ones.")]
Certificate = Annotated[Path | None, typer.Option(help="Own certificate; made in the folder if absent.")]
Key = Annotated[Path | None, typer.Option(help="Own private key; goes with --certificate.")]
Kit = Annotated[str | None, typer.Option(help="Line kit whose signals are expected.")]


def replay(
    kit: Annotated[str, typer.Argument(help="Line kit: hydraulic-bench, igbt-ageing or plate-line.")],
    *,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 48410,
    speed: Annotated[float, typer.Option(help="Seconds of recording a second.", min=1, max=600)] = 1.0,
    folder: Annotated[Path, typer.Option(help="Keys, password and position.")] = Path(".tundish/replay"),
    user: Annotated[str, typer.Option(help="User name the server asks for.")] = "tundish",
) -> None:
    """Play one recording over OPC UA, encrypted and with a log-in; a client's keys are made beside it."""
    from tundish_connectors.lines import UnknownKit
    from tundish_connectors.replay import ReplayConfig, make_identity, serve, server_identity, trust
    from tundish_deploy.secrets import new_password, private_file, secret

    configure_logs()
    place = (folder / kit).resolve()
    password = place / "password"
    if not password.exists():
        private_file(password, new_password())
    try:
        config = ReplayConfig(
            kit=kit,
            port=port,
            speed=speed,
            state_dir=place,
            pki_dir=place / "server",
            users={user: secret(password)},
        )
        server = server_identity(config)
        client = make_identity(place / "client", f"urn:tundish:client:{kit}", f"Tundish client {kit}")
        trust(server, client)
        trust(client, server)
        console.print(
            f"{config.url}\nuser {user}, password in {password}\n"
            f"client certificate {client.certificate}\nclient key {client.private_key}\n"
            f"server certificate {server.certificate}\nCtrl-C stops; the next start goes on from there."
        )
        asyncio.run(serve(config))
    except UnknownKit as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"The server cannot listen on port {port}: {error}. Choose another with --port.")
    except KeyboardInterrupt:
        console.print("stopped")


def doctor(  # noqa: PLR0913 - one option each
    url: Url,
    *,
    folder: Folder = Path(".tundish/doctor"),
    user: User = None,
    password_file: PasswordFile = None,
    security: Security = "Basic256Sha256",
    trust: Trust = None,
    certificate: Certificate = None,
    key: Key = None,
    kit: Kit = None,
    language: Annotated[Literal["zh", "en"], typer.Option("--lang")] = "zh",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Name what stands between this machine and a server's values, and how to mend it; else end with 0."""
    from tundish_connectors.opcua.doctor import diagnose

    configure_logs("ERROR")
    connection = _connection(
        url, "doctor", folder, user, password_file, security, trust, certificate, key, kit
    )
    findings = diagnose(connection)
    if json:
        console.print_json(data={"url": url, "findings": [f.model_dump() for f in findings]})
    else:
        for finding in findings:
            message, advice = (
                (finding.message_zh, finding.advice_zh)
                if language == "zh"
                else (finding.message_en, finding.advice_en)
            )
            console.print(f"{'✓' if finding.ok else '✗'} {finding.check}: {message}", markup=False)
            if advice:
                console.print(f"    → {advice}", markup=False)
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


def connect(  # noqa: PLR0913 - one option each
    url: Url,
    *,
    tenant: Annotated[str, typer.Option(help="Tenant that owns the data.")],
    token_file: Annotated[Path, typer.Option(help="File that holds the collector's token.")],
    server: Annotated[str, typer.Option(help="Where the platform is.")] = "http://127.0.0.1:8050",
    name: Annotated[str, typer.Option(help="Name of the connection.")] = "opcua",
    folder: Folder = Path(".tundish/edge"),
    user: User = None,
    password_file: PasswordFile = None,
    security: Security = "Basic256Sha256",
    trust: Trust = None,
    certificate: Certificate = None,
    key: Key = None,
    kit: Kit = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
) -> None:
    """From an address to collected values: show tree and fitting line kit, then collect until Ctrl-C."""
    from tundish_connectors.connector import ConnectorError
    from tundish_connectors.delivery import DeliveryConfig
    from tundish_connectors.opcua import GatewayConfig, run_connector
    from tundish_connectors.opcua.discover import discover
    from tundish_deploy.secrets import secret

    configure_logs()
    connection = _connection(
        url, name, folder / name, user, password_file, security, trust, certificate, key, kit
    )
    try:
        found = discover(connection)
    except ConnectorError as error:
        give_up(
            f"{error.message_zh}\n{error.message_en}\n`tundish doctor {url}` goes through it step by step."
        )
    _show(found)
    if found.proposal is not None and kit is None:
        connection = connection.model_copy(update={"kit": found.proposal.kit})
    if not yes and not typer.confirm(f"Collect {found.variables} variables for tenant {tenant}?"):
        raise typer.Exit(0)
    delivery = DeliveryConfig(base_url=server, tenant=tenant, token=secret(token_file))
    raise typer.Exit(run_connector(GatewayConfig(connection=connection, delivery=delivery)))


def _connection(  # noqa: PLR0913, PLR0917 - the options of two commands
    url: str,
    name: str,
    folder: Path,
    user: str | None,
    password_file: Path | None,
    security: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"],
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
    kit: str | None,
) -> OpcUaConnection:
    from pydantic import ValidationError

    from tundish_connectors.opcua import OpcUaConnection
    from tundish_deploy.secrets import secret

    try:
        return OpcUaConnection(
            name=name,
            url=url,
            state_dir=folder.resolve(),
            security_policy=security,
            certificate=certificate,
            private_key=key,
            trust=trust,
            user=user,
            password=None if password_file is None else secret(password_file),
            kit=kit,
        )
    except (ValidationError, OSError) as error:
        give_up(f"This connection cannot be made: {error}")


def _show(found: Discovery) -> None:
    console.print(f"security  {', '.join(found.security)}\nlog-ins   {', '.join(found.logins)}")
    table = Table("path", "variables")
    for path, number in found.tree.items():
        table.add_row(path, str(number))
    console.print(table)
    for path, reason in list(found.unusable.items())[:10]:
        console.print(f"not usable: {path}: {reason}", markup=False)
    if found.proposal is not None:
        proposal = found.proposal
        share = f"{proposal.found} of {proposal.expected}"
        console.print(f"line kit  {proposal.kit}: {share} signals at {proposal.line}")
