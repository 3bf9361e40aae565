"""The server and the clients of the benchmark as processes, each on a core of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_deploy.benchmarks.opcua.workload import Plan

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ROOT: Final = Path(__file__).resolve().parents[4]
_NODE_CLIENT: Final = _ROOT / "tests" / "connectors" / "peers" / "node_bench.mjs"
_STOP_S: Final = 20.0
_LONGEST_S: Final = 180.0


class ClientError(RuntimeError):
    """A client of the benchmark gave no result; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class ReplayServer:
    """The running server: where each plan is served, and the folder with certificates."""

    ports: dict[str, int]
    folder: Path
    pid: int

    def url(self, plan: Plan) -> str:
        """Where a plan is served."""
        return f"opc.tcp://127.0.0.1:{self.ports[plan.name]}"

    def cpu_s(self) -> float:
        """Processor seconds it has used so far."""
        return cpu_s(self.pid)


def cpu_s(pid: int) -> float:
    """Processor seconds of a process, from the system."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where there is more than one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[core % len(cores)]})


async def make_certificates(folder: Path) -> None:
    """Certificates of server and clients; node-opcua wants the client's as PEM."""
    for name, usage in (
        ("server", ExtendedKeyUsageOID.SERVER_AUTH),
        ("client", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        await setup_self_signed_certificate(
            folder / f"{name}.pem",
            folder / f"{name}.der",
            f"urn:tundish:bench:{name}",
            socket.gethostname(),
            [usage],
            {"organizationName": "Tundish benchmark"},
        )
    certificate = x509.load_der_x509_certificate((folder / "client.der").read_bytes())
    (folder / "client.crt.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def free_ports(count: int) -> list[int]:
    """Ports in a row that are free now."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            start = first.getsockname()[1]
            try:
                for port in range(start + 1, start + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return list(range(start, start + count))


@contextmanager
def replay_server(
    folder: Path, plans: Sequence[Plan], *, core: int | None = 1, nodes: int = 0
) -> Iterator[ReplayServer]:
    """Serve plans, each on a port of its own, in their order without holes.

    Args:
        folder: for certificates.
        plans: what to serve.
        core: keep the server on it; None lets it use all.
        nodes: variables that can be browsed.
    """
    asyncio.run(make_certificates(folder))
    ports = free_ports(len(plans))
    settings = {
        "folder": str(folder),
        "nodes": nodes,
        "plans": {port: asdict(plan) for port, plan in zip(ports, plans, strict=True)},
    }
    command = [sys.executable, "-m", "tundish_deploy.benchmarks.opcua.server", json.dumps(settings)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        if core is not None:
            pin(process.pid, core)
        assert process.stdout is not None  # noqa: S101 - asked for above
        if "ready" not in process.stdout.readline():
            raise ClientError("the benchmark's OPC UA server did not start")
        named = {plan.name: port for port, plan in zip(ports, plans, strict=True)}
        yield ReplayServer(named, folder, process.pid)
    finally:
        process.kill()
        process.wait(_STOP_S)
        if process.stdout is not None:
            process.stdout.close()


def run_client(settings: dict[str, Any]) -> list[dict[str, float]]:
    """Run a client to its end; a result for each server that it was connected to.

    Raises:
        ClientError: it ended without a result, or not at all.
    """
    name = settings["client"]
    command = [sys.executable, "-W", "ignore", "-m", "tundish_deploy.benchmarks.opcua.client"]
    if name == "node-opcua":
        if not (_NODE_CLIENT.parent / "node_modules").exists():
            raise ClientError("node-opcua is missing; run deploy/ci/npm-packages.sh")
        command = ["node", str(_NODE_CLIENT)]
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [*command, json.dumps(settings)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pin(process.pid, 0)
    try:
        out, err = process.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    results = [json.loads(line) for line in out.splitlines() if line.startswith('{"values"')]
    if len(results) != settings["servers"]:
        raise ClientError(f"the client {name} gave no result: {err[-1500:]}")
    return results
