"""`tundish opcua`: writing, calling, certificates and found servers, at a real server in a thread."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w
from asyncua import Server, ua, uamethod
from typer.testing import CliRunner

from tundish_deploy.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration
LEVEL, METHOD = "Plant/Tank/Level", "Plant/Tank/Double"


@dataclass
class Tank:
    """A server with a level between 0 and 100 that may be written, and a method."""

    port: int
    ready: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    calls: list[float] = field(default_factory=list)

    async def serve(self) -> None:
        server = Server()
        await server.init()
        server.set_server_name("tank server")
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace("urn:tundish:test:tank")
        plant = await server.nodes.objects.add_object(index, "Plant")
        tank = await plant.add_object(index, "Tank")
        self.level = await tank.add_variable(index, "Level", 50.0)
        await self.level.set_writable()
        await self.level.add_property(0, "EURange", ua.Range(0.0, 100.0))

        @uamethod
        def double(_parent: object, value: float) -> float:
            self.calls.append(value)
            return 2 * value

        await tank.add_method(index, "Double", double, [ua.VariantType.Double], [ua.VariantType.Double])
        async with server:
            self.ready.set()
            await asyncio.to_thread(self.stop.wait)


@pytest.fixture(scope="module")
def tank() -> Iterator[Tank]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Tank(probe.getsockname()[1])
    thread = threading.Thread(target=lambda: asyncio.run(made.serve()))
    thread.start()
    assert made.ready.wait(60)
    yield made
    made.stop.set()
    thread.join()


@dataclass
class Plant:
    """A settings file with one connection to the tank."""

    folder: Path
    tank: Tank

    def grant(self, **granted: list[str]) -> None:
        connection = {
            "name": "line-1",
            "tenant": "plant",
            "url": f"opc.tcp://127.0.0.1:{self.tank.port}",
            "token_file": str(self.folder / "token"),
            "security": "None",
            "allow_insecure": True,
            **granted,
        }
        settings = {"data_dir": str(self.folder / "data"), "connection": [connection]}
        (self.folder / "tundish.toml").write_text(tomli_w.dumps(settings))

    def run(self, *arguments: str) -> tuple[int, str]:
        told = [*arguments, "--who", "王工", "--settings", str(self.folder / "tundish.toml")]
        done = CliRunner().invoke(app, ["opcua", *told])
        return done.exit_code, done.output

    def trail(self) -> list[dict[str, Any]]:
        file = self.folder / "data" / "edge" / "line-1" / "audit.jsonl"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.fixture
def plant(tmp_path: Path, tank: Tank) -> Plant:
    made = Plant(tmp_path, tank)
    made.grant()
    return made


def test_without_a_grant_nothing_is_written_or_called_and_the_trail_tells_who_asked(plant: Plant) -> None:
    plant.grant(writable=[METHOD], callable=[LEVEL])
    for action, arguments in (("write", [LEVEL, "70"]), ("call", [METHOD, "4"])):
        code, output = plant.run(action, "line-1", *arguments)
        assert code == 1
        assert "is not granted" in output
        assert "未获授权" in output
    assert plant.tank.calls == []
    asked, told, *call = plant.trail()
    assert (asked["who"], asked["action"], asked["path"], asked["value"]) == ("王工", "write", LEVEL, 70)
    assert (told["id"], told["status"]) == (asked["id"], "refused here")
    assert [one["event"] for one in call] == ["asked", "done"]
    assert call[0]["inputs"] == [4]


def test_what_is_granted_is_written_within_its_range_and_called(plant: Plant) -> None:
    plant.grant(writable=[LEVEL], callable=[METHOD])
    code, output = plant.run("write", "line-1", LEVEL, "101")
    assert (code, "outside 0 … 100" in output) == (1, True)
    assert plant.run("write", "line-1", LEVEL, "12.5") == (0, f"{LEVEL}: 50.0 → 12.5  Good\n")
    assert plant.run("write", "line-1", LEVEL, "50") == (0, f"{LEVEL}: 12.5 → 50  Good\n")
    assert plant.run("call", "line-1", METHOD, "4") == (0, f"{METHOD}: Good [8.0]\n")
    assert plant.tank.calls == [4.0]
    outcomes = [(one["status"], one.get("before")) for one in plant.trail() if one["event"] == "done"]
    assert outcomes == [("refused here", None), ("Good", 50.0), ("Good", 12.5), ("Good", None)]
    code, output = plant.run("write", "line-2", LEVEL, "1")
    assert (code, "no connection 'line-2'" in output) == (1, True)


def test_a_server_that_is_away_is_told_and_stands_in_the_trail(plant: Plant) -> None:
    plant.tank = Tank(1)
    plant.grant(writable=[LEVEL])
    code, output = plant.run("write", "line-1", LEVEL, "1")
    assert (code, "cannot be used now" in output) == (1, True)
    assert [one["status"] for one in plant.trail() if one["event"] == "done"] == ["failed"]


def test_servers_lists_what_the_address_knows_of(tank: Tank) -> None:
    done = CliRunner().invoke(app, ["opcua", "servers", f"opc.tcp://127.0.0.1:{tank.port}"])
    assert done.exit_code == 0
    assert "tank server" in done.output
    assert f"opc.tcp://127.0.0.1:{tank.port}" in done.output
    done = CliRunner().invoke(app, ["opcua", "servers", "opc.tcp://127.0.0.1:1"])
    assert (done.exit_code, "cannot be used now" in done.output) == (1, True)


def test_a_certificate_is_shown_prepared_and_taken_into_use(tmp_path: Path) -> None:
    def run(action: str) -> tuple[int, str]:
        told = [
            "opcua",
            "certificate",
            "opc.tcp://127.0.0.1:1",
            "--folder",
            str(tmp_path),
            "--action",
            action,
        ]
        done = CliRunner().invoke(app, told, env={"COLUMNS": "400"})
        return done.exit_code, done.output

    def shown(output: str) -> str:
        return next(word for word in output.split() if len(word) == 64)

    code, output = run("finish")
    assert (code, "No renewal is under way" in output) == (1, True)
    code, first = run("show")
    assert (code, "next / 下一张" in first) == (0, False)
    code, prepared = run("prepare")
    assert (code, "Let every server trust this file" in prepared) == (0, True)
    assert shown(prepared) != shown(first)
    assert shown(run("show")[1]) == shown(first), "the present one stays in use while servers learn the next"
    assert shown(run("finish")[1]) == shown(prepared)
    assert shown(run("show")[1]) == shown(prepared)
    assert len(list((tmp_path / "opcua" / "pki" / "own" / "former").iterdir())) == 1
