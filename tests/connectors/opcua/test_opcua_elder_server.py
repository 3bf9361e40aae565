"""All we need of a python-opcua server, through asyncua: the reason why no second client is kept for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.control import call_method, locate, write_value
from tundish_connectors.opcua.endpoints import read_servers
from tundish_connectors.opcua.history import read_raw
from tundish_connectors.opcua.keys import make_pair
from tundish_connectors.opcua.survey import survey_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration
SERVER = Path(__file__).parent.parent / "peers" / "opcua_plant.py"


@pytest.fixture(scope="module")
def elder(unused_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    folder = tmp_path_factory.mktemp("elder")
    make_pair(folder, "urn:tundish:test:elder", "127.0.0.1")
    settings = json.dumps({"port": unused_port, "folder": str(folder)})
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(SERVER), settings],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    assert any("ready" in line for line in iter(process.stdout.readline, "")), (folder / "log").read_text()
    yield unused_port, folder
    process.kill()
    process.wait()
    process.stdout.close()


def connection(elder: tuple[int, Path], folder: Path, policy: str) -> OpcUaConnection:
    port, server = elder
    return OpcUaConnection.model_validate(
        {
            "name": "elder",
            "url": f"opc.tcp://127.0.0.1:{port}/",
            "state_dir": folder,
            "security_policy": policy,
            "trust": server / "cert.der",
            "user": "op",
            "password": "right-one",
            "writable": ("Plant/Speed",),
            "callable": ("Plant/Double",),
        }
    )


@pytest.mark.parametrize("policy", ["None", "Basic256Sha256"])
def test_browsing_units_writing_and_methods(elder: tuple[int, Path], tmp_path: Path, policy: str) -> None:
    chosen = connection(elder, tmp_path, policy)

    async def work() -> None:
        client, session = await open_client(chosen)
        try:
            found = await survey_server(session, chosen)
        finally:
            await leave(client)
        specs = {one.spec.path: one.spec for one in found.desired}
        assert {"Plant/Speed", "Plant/Name", "Plant/Wave"} <= set(specs)
        speed = specs["Plant/Speed"]
        assert (speed.unit, speed.low, speed.high) == ("m/s", 0.0, 12.0)
        assert specs["Plant/Wave"].kind.value == "array"
        assert (await write_value(chosen, "Plant/Speed", 4.5, "王工")).good
        assert (await write_value(chosen, "Plant/Speed", 3.5, "王工")).before == 4.5
        assert (await call_method(chosen, "Plant/Double", [21], "王工")).results == [42]
        (itself,) = await read_servers(chosen.url, 10)
        assert itself.kind == "ClientAndServer"

    asyncio.run(work())


def test_history_is_read_from_it(elder: tuple[int, Path], tmp_path: Path) -> None:
    chosen = connection(elder, tmp_path, "None")

    async def work() -> list[float]:
        client, session = await open_client(chosen)
        try:
            node = await locate(session, "Plant/Kept")
            now = datetime.now(UTC)
            pages = read_raw(session, node, now - timedelta(hours=1), now + timedelta(hours=1))
            return [float(value) async for columns in pages for one in columns for value in one.values]
        finally:
            await leave(client)

    assert asyncio.run(work()) == [float(at) for at in range(20)]
