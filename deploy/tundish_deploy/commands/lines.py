"""`tundish replay` and `tundish doctor`: an OPC UA server at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from tundish_deploy.commands.connection import ConnectionOptions, with_connection
from tundish_deploy.commands.options import give_up
from tundish_deploy.logs import configure_logs

console = Console(highlight=False)


def replay(
    kit: Annotated[str, typer.Argument(help="Line kit: hydraulic-bench, igbt-ageing or plate-line.")],
    *,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 14840,
    speed: Annotated[float, typer.Option(help="Seconds of recording a second.", min=1, max=600)] = 1.0,
    folder: Annotated[Path, typer.Option(help="Keys, password and position.")] = Path(".tundish/replay"),
    user: Annotated[str, typer.Option(help="User name the server asks for.")] = "tundish",
) -> None:
    """Play one recording over OPC UA, encrypted and with a log-in; a client's keys are made beside it."""
    from tundish_connectors.replay import ReplayConfig, make_identity, serve, server_identity, trust
    from tundish_deploy.secrets import new_password, private_file, secret
    from tundish_platform.samples.kits import UnknownKit

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


@with_connection
def doctor(
    options: ConnectionOptions,
    *,
    language: Annotated[Literal["zh", "en"], typer.Option("--lang")] = "zh",
    watch_s: Annotated[
        float, typer.Option(help="Seconds to watch for values that never change; 0 leaves that out.", min=0)
    ] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Name what stands between this machine and a server's values, and how to mend it; else end with 0."""
    from tundish_connectors.opcua.doctor import diagnose

    configure_logs("ERROR")
    findings = diagnose(options.connection(), watch_s)
    if json:
        console.print_json(data={"url": options.url, "findings": [f.model_dump() for f in findings]})
    else:
        for finding in findings:
            message, advice = (
                (finding.message_zh, finding.advice_zh)
                if language == "zh"
                else (finding.message_en, finding.advice_en)
            )
            console.print(
                f"{'✓' if finding.ok else '✗'} {finding.check}: {message}", markup=False, soft_wrap=True
            )
            if advice:
                console.print(f"    → {advice}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)
