"""Which servers, policies and logins our OPC UA client works with, tried one by one.

``python -m tundish_deploy.campaigns.opcua_interop FILE`` writes the table; it needs a checkout.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.line import leave, open_client
from tundish_connectors.opcua.publisher import open_publisher
from tundish_connectors.replay import Identity, make_identity
from tundish_deploy.campaigns.opcua_lane import PEERS, SERVERS, Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_connectors.opcua.session import RawSession

USER, PASSWORD = "operator", "a-long-password"
_BOUND_S: Final = 60.0
_SECURED: Final = [
    (policy, mode)
    for policy in ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    for mode in ("Sign", "SignAndEncrypt")
]
_STRONG: Final = ("Basic256Sha256", "SignAndEncrypt")


@dataclass(frozen=True)
class Row:
    """One way to connect: what differs from a plain connection."""

    title: str
    options: dict[str, Any]
    refused: bool = False


def rows(client: Identity, stranger: Identity, server: Identity) -> list[Row]:
    """All ways of the table; the certificates' owners are whom the server knows and whom not."""
    mine = {"certificate": client.certificate, "private_key": client.private_key, "trust": server.certificate}
    strong = {**mine, "security_policy": _STRONG[0], "security_mode": _STRONG[1]}
    found = [Row("None, anonymous", {"security_policy": "None"})]
    found += [
        Row(f"{policy}, {mode}, anonymous", {**mine, "security_policy": policy, "security_mode": mode})
        for policy, mode in _SECURED
    ]
    found.append(Row("user name", {**strong, "user": USER, "password": PASSWORD}))
    found.append(Row("user name, wrong password", {**strong, "user": USER, "password": "x"}, refused=True))
    if "user_certificate" in OpcUaConnection.model_fields:
        login = {"user_certificate": client.certificate, "user_private_key": client.private_key}
        found.append(Row("user certificate", {**strong, **login}))
    theirs = {"certificate": stranger.certificate, "private_key": stranger.private_key}
    found.append(Row("unknown client certificate", {**strong, **theirs}, refused=True))
    found.append(
        Row("server certificate not trusted", {**strong, "trust": stranger.certificate}, refused=True)
    )
    return found


def table(servers: Sequence[str] = tuple(SERVERS), titles: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """What came of each way with each server: by title, then by server.

    Args:
        servers: kinds of server.
        titles: rows to try; all by default.
    """
    logging.disable()
    try:
        found: dict[str, dict[str, str]] = {}
        for kind in servers:
            for title, word in _column(kind, titles):
                found.setdefault(title, {})[kind] = word
        return found
    finally:
        logging.disable(logging.NOTSET)


def _column(kind: str, titles: Sequence[str]) -> Iterable[tuple[str, str]]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        people = {
            who: make_identity(folder / who, f"urn:tundish:interop:{who}", who)
            for who in ("client", "stranger", "server")
        }
        port = _free_port()
        program = Program(
            [*SERVERS[kind], json.dumps(_settings(folder, port, people))], folder / "server.log"
        )
        try:
            if not program.ready.wait(_BOUND_S):
                raise RuntimeError(f"{kind}: {(folder / 'server.log').read_text()[-500:]}")
            for row in rows(people["client"], people["stranger"], people["server"]):
                if not titles or row.title in titles:
                    yield row.title, asyncio.run(_try(row, port, folder / "state"))
        finally:
            program.kill()


def _settings(folder: Path, port: int, people: dict[str, Identity]) -> dict[str, Any]:
    server = people["server"]
    pem = folder / "server.pem"
    certificate = x509.load_der_x509_certificate(server.certificate.read_bytes())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    security = {
        "certificate": str(server.certificate),
        "certificate_pem": str(pem),
        "private_key": str(server.private_key),
        "uri": server.uri,
        "trusted": [str(people["client"].certificate)],
        "folder": str(folder / "pki"),
        "user": USER,
        "password": PASSWORD,
    }
    journal = str(folder / "journal.jsonl")
    return {"port": port, "signals": 1, "period_s": 0.1, "journal": journal, "security": security}


async def _try(row: Row, port: int, state: Path) -> str:
    """``yes`` with values read and notified, ``refused`` where that is wanted, else what went wrong."""
    settings = {"name": "interop", "url": f"opc.tcp://127.0.0.1:{port}", "state_dir": state, **row.options}
    connection = OpcUaConnection.model_validate({**settings, "request_timeout_s": 10.0})
    try:
        client, session = await open_client(connection)
    except ConnectorError as error:
        if row.refused:
            return "refused" if error.kind is ErrorKind.FATAL else f"refused, retried: {_short(error)}"
        return f"no: {_short(error)}"
    try:
        if row.refused:
            return "ACCEPTED"
        await asyncio.wait_for(_use(session), _BOUND_S)
    except (UaError, OSError, TimeoutError) as error:
        return f"no: {type(error).__name__}"
    finally:
        await leave(client)
    return "yes"


def _short(error: ConnectorError) -> str:
    inside = error.message_en.partition("(")[2].partition(")")[0]
    return inside.partition(":")[0][:60] or error.message_en[:60]


async def _use(session: RawSession) -> None:
    """Subscribe to the server's clock and wait until it has told a value."""
    wanted = ua.CreateSubscriptionParameters()
    wanted.RequestedPublishingInterval = ua.Duration(100.0)
    wanted.RequestedMaxKeepAliveCount, wanted.RequestedLifetimeCount = ua.Counter(10), ua.Counter(1000)
    wanted.PublishingEnabled = True
    made = await session.create_subscription(wanted, lambda _: None)
    node = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))
    request = ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
    )
    items = ua.CreateMonitoredItemsParameters(
        SubscriptionId=made.SubscriptionId,
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ItemsToCreate=[request],
    )
    (result,) = await session.create_monitored_items(items)
    result.StatusCode.check()
    publisher = open_publisher(session, 2, 0.1)
    try:
        while True:
            for answer in await publisher.answers(1.0):
                if isinstance(answer, BaseException):
                    raise answer
                if answer.values():
                    return
    finally:
        await publisher.close()


def text(found: dict[str, dict[str, str]]) -> str:
    """The table in Markdown."""
    kinds = list(dict.fromkeys(kind for cells in found.values() for kind in cells))
    lines = [f"| way to connect | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
    lines += [
        f"| {title} | {' | '.join(cells.get(kind, '–') for kind in kinds)} |"
        for title, cells in found.items()
    ]
    return "\n".join(lines) + "\n"


def _versions() -> str:
    node = json.loads((PEERS / "package.json").read_text())["dependencies"]["node-opcua"]
    names = {"asyncua": "asyncua", "python-opcua": "opcua", "open62541 (o6)": "o6"}
    told = [f"{title} {version(name)}" for title, name in names.items()]
    return ", ".join([*told, f"node-opcua {node}"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_BEGIN, _END = "<!-- table: written by opcua_interop -->", "<!-- end of table -->"


def write(path: Path) -> None:
    """Try everything, and put the table between the two marks of a page."""
    page = path.read_text()
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    path.write_text(f"{before}{_BEGIN}\nServers: {_versions()}.\n\n{text(table())}{_END}{after}")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
