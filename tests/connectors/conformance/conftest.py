"""One source of each type, real and on loopback, behind one interface."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import struct
import subprocess
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from asyncua import Server, ua
from paho.mqtt import client as mqtt
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tundish_connectors.sparkplug.payload import payload_class
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "a-secret-that-nobody-may-read"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(what: str, condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s} s in vain for: {what}")
        await asyncio.sleep(0.05)


class Subject:
    """A source: where it is, what it can be told to give, how it goes and comes.

    Attributes:
        paths: a signal of each kind that it has.
        bad: path of a signal that cannot be had, or part of it.
        waived: rules of the suite that do not apply to it, with the reason.
        wrong: settings that must be refused, each beside a good rest.
    """

    type: ClassVar[str]
    paths: ClassVar[dict[SampleKind, str]]
    bad: ClassVar[str]
    waived: ClassVar[dict[str, str]] = {}
    wrong: ClassVar[list[dict[str, Any]]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    def settings(self) -> dict[str, Any]:
        return {"name": "source-1", "state_dir": str(self.folder / "state"), **self.own()}

    def own(self) -> dict[str, Any]:
        raise AssertionError

    async def start(self) -> None:
        """Be there, as at first or again."""

    async def stop(self) -> None:
        """Be gone."""

    async def give(self, number: int) -> dict[str, Any]:
        """Let the source have new values, all told by a number; returns them by path."""
        raise AssertionError(number)


class ModbusSubject(Subject):
    type = "modbus"
    paths: ClassVar = {
        SampleKind.NUMERIC: "M/C/Float",
        SampleKind.INTEGER: "M/C/Whole",
        SampleKind.TEXT: "M/C/Name",
    }
    bad = "M/C/Nowhere"
    waived: ClassVar = {"secret": "Modbus TCP has no log-in and no secrets"}
    wrong: ClassVar = [
        {"registers": []},
        {"registers": [{"path": "M/C/V", "address": 65_535, "type": "int32"}]},
        {"registers": [{"path": "M/C/V", "address": 1}, {"path": "M/C/V", "address": 2}]},
        {"hosts": "misspelt"},
    ]

    def own(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "period_s": 0.05,
            "timeout_s": 0.5,
            "registers": [
                {"path": "M/C/Float", "address": 10, "type": "float32"},
                {"path": "M/C/Whole", "address": 12, "type": "int64"},
                {"path": "M/C/Name", "address": 16, "type": "string", "length": 4},
                # Read together with its neighbours at first, and refused.
                {"path": "M/C/Nowhere", "address": 21},
            ],
        }

    async def start(self) -> None:
        data = SimData(0, count=20, values=0, datatype=DataType.REGISTERS)
        self.server = ModbusTcpServer(SimDevice(1, simdata=[data]), address=("127.0.0.1", self.port))
        await self.server.serve_forever(background=True)

    async def stop(self) -> None:
        await self.server.shutdown()

    async def give(self, number: int) -> dict[str, Any]:
        client = AsyncModbusTcpClient("127.0.0.1", port=self.port)
        assert await client.connect()
        convert = client.convert_to_registers
        words = [
            *convert(number + 0.5, client.DATATYPE.FLOAT32),
            *convert(2**60 + number, client.DATATYPE.INT64),
            *convert(f"n{number:07d}", client.DATATYPE.STRING),
        ]
        answer = await client.write_registers(10, words)
        assert not answer.isError()
        client.close()
        return {"M/C/Float": number + 0.5, "M/C/Whole": 2**60 + number, "M/C/Name": f"n{number:07d}"}


class SparkplugSubject(Subject):
    type = "sparkplug"
    paths: ClassVar = {
        SampleKind.NUMERIC: "Plant/Node/Press/Float",
        SampleKind.INTEGER: "Plant/Node/Press/Whole",
        SampleKind.TEXT: "Plant/Node/Press/Name",
        SampleKind.ARRAY: "Plant/Node/Press/Wave",
    }
    bad = "Plant/Node/Press/File"
    wrong: ClassVar = [
        {"groups": []},
        {"groups": ["a/b"]},
        {"host": "broker.example", "tls": False},
        {"user": None, "password": SECRET},
    ]

    def own(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "tls": False,
            "groups": ["Plant"],
            "host_id": "tundish",
            "user": "tundish",
            "password": SECRET,
            "rebirth_s": 0.2,
        }

    async def start(self) -> None:
        await asyncio.to_thread(self._start_broker)
        await until("the broker listens", self._listens)
        self.node = EdgeNode(self.port)

    def _start_broker(self) -> None:
        config = self.folder / "mosquitto.conf"
        passwords = self.folder / "passwords"
        if not passwords.exists():
            passwords.touch(0o600)
            for user, word in (("tundish", SECRET), ("node", "node-word")):
                subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, word], check=True)
        # Started as root, the broker would become another user, who may not read these files.
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
        )
        with (self.folder / "broker.log").open("ab") as log:
            self.broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(config)], stdout=log, stderr=log)

    def _listens(self) -> bool:
        assert self.broker.poll() is None, (self.folder / "broker.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    async def stop(self) -> None:
        self.broker.kill()
        self.broker.wait()
        self.node.close()

    async def give(self, number: int) -> dict[str, Any]:
        values = {
            "Float": number + 0.5,
            "Whole": 2**60 + number,
            "Name": f"n{number}",
            "Wave": [1.0, float(number)],
        }
        self.node.send(values)
        return {f"Plant/Node/Press/{name}": value for name, value in values.items()}


class EdgeNode:
    """A Sparkplug edge node with one device; born anew when it is asked."""

    def __init__(self, port: int) -> None:
        self.values: dict[str, Any] = {"Float": 0.5, "Whole": 0, "Name": "", "Wave": [0.0]}
        self.seq = 0
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="edge-node")
        self.client.username_pw_set("node", "node-word")
        death = payload_class()()
        death.metrics.add(name="bdSeq", datatype=4, long_value=7)
        self.client.will_set("spBv1.0/Plant/NDEATH/Node", death.SerializeToString(), qos=1)
        self.client.on_connect = self._connected
        self.client.on_message = self._commanded
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _connected(self, *_: Any) -> None:  # noqa: ANN401 - paho's signature
        self.client.subscribe("spBv1.0/Plant/NCMD/Node", qos=1)
        self.birth()

    def _commanded(self, _client: Any, _data: Any, message: Any) -> None:  # noqa: ANN401 - paho's signature
        command = payload_class()()
        command.ParseFromString(message.payload)
        if any(one.name == "Node Control/Rebirth" and one.boolean_value for one in command.metrics):
            self.birth()

    def birth(self) -> None:
        self.seq = 0
        node = payload_class()()
        node.metrics.add(name="bdSeq", datatype=4, long_value=7)
        node.metrics.add(name="Node Control/Rebirth", datatype=11, boolean_value=False)
        self._publish("NBIRTH/Node", node)
        device = payload_class()()
        self._fill(device, names=True)
        device.metrics.add(name="File", alias=9, datatype=18, bytes_value=b"x")
        self._publish("DBIRTH/Node/Press", device)

    def send(self, values: dict[str, Any]) -> None:
        self.values = values
        data = payload_class()()
        self._fill(data, names=False)
        self._publish("DDATA/Node/Press", data)

    def _fill(self, payload: Any, *, names: bool) -> None:  # noqa: ANN401 - a protobuf message
        wave = self.values["Wave"]
        fields = {
            "Float": (10, {"double_value": self.values["Float"]}),
            "Whole": (4, {"long_value": self.values["Whole"]}),
            "Name": (12, {"string_value": self.values["Name"]}),
            "Wave": (31, {"bytes_value": struct.pack(f"<{len(wave)}d", *wave)}),
        }
        for alias, (name, (datatype, value)) in enumerate(fields.items(), 1):
            told = {"name": name, "datatype": datatype} if names else {}
            payload.metrics.add(alias=alias, timestamp=time.time_ns() // 10**6, **told, **value)

    def _publish(self, topic: str, payload: Any) -> None:  # noqa: ANN401 - a protobuf message
        kind, _, rest = topic.partition("/")
        payload.timestamp = time.time_ns() // 10**6
        payload.seq = self.seq
        self.seq = (self.seq + 1) % 256
        self.client.publish(f"spBv1.0/Plant/{kind}/{rest}", payload.SerializeToString(), qos=0)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class FilesSubject(Subject):
    type = "files"
    paths: ClassVar = {
        SampleKind.NUMERIC: "M/C/Float",
        SampleKind.INTEGER: "M/C/Whole",
        SampleKind.TEXT: "M/C/Name",
        SampleKind.ARRAY: "M/C/Wave",
    }
    bad = "failed/bad-1.csv"
    waived: ClassVar = {
        "gap": "files bring history of their own times; while the folder is away nothing is lost",
        "secret": "a folder has no log-in",
    }
    wrong: ClassVar = [
        {"folder": "relative"},
        {"timezone": "Mars/Olympus"},
        {"signals": []},
        {"pattern": "a/b"},
    ]

    def own(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder / "drop"),
            "settle_s": 0.0,
            "every_s": 0.05,
            "signals": [{"path": path, "kind": kind.value} for kind, path in self.paths.items()],
        }

    async def start(self) -> None:
        away = self.folder / "away"
        if away.exists():
            away.rename(self.folder / "drop")
        else:
            (self.folder / "drop").mkdir()

    async def stop(self) -> None:
        (self.folder / "drop").rename(self.folder / "away")

    async def give(self, number: int) -> dict[str, Any]:
        ts = datetime.now(UTC)
        drop = self.folder / "drop"
        rows = {"M/C/Float": number + 0.5, "M/C/Whole": 2**60 + number, "M/C/Name": f"n{number}"}
        lines = [f"{path},{ts.isoformat()},{value}" for path, value in rows.items()]
        (drop / "one.part").write_text("\n".join(["path,ts,value", *lines, ""]))
        (drop / "one.part").rename(drop / f"rows-{number}.csv")
        wave = {"path": ["M/C/Wave"], "ts": [ts], "value": [[1.0, float(number)]]}
        pq.write_table(pa.table(wave), drop / "wave.part")
        (drop / "wave.part").rename(drop / f"wave-{number}.parquet")
        (drop / "bad.part").write_text("nothing of use\n1\n")
        (drop / "bad.part").rename(drop / f"bad-{number}.csv")
        return {**rows, "M/C/Wave": [1.0, float(number)]}


class HttpPushSubject(Subject):
    type = "http_push"
    paths: ClassVar = {
        SampleKind.NUMERIC: "Press/C/Float",
        SampleKind.INTEGER: "Press/C/Whole",
        SampleKind.TEXT: "Press/C/Name",
        SampleKind.ARRAY: "Press/C/Wave",
    }
    bad = "Press/C/Unlisted"
    waived: ClassVar = {
        "source_lost": "devices connect to it; their silence is judged by the period of their signals",
        "gap": "the same; its own tests have the gap of a silent device",
    }
    wrong: ClassVar = [
        {"devices": []},
        {"host": "0.0.0.0"},  # noqa: S104 - must be refused
        {"devices": [{"path": "a", "key": "short", "open": True}]},
        {"devices": [{"path": "a", "key": SECRET}]},
    ]

    def own(self) -> dict[str, Any]:
        signals = [
            {"path": path.removeprefix("Press/"), "kind": kind.value} for kind, path in self.paths.items()
        ]
        return {"port": self.port, "devices": [{"path": "Press", "key": SECRET, "signals": signals}]}

    async def give(self, number: int) -> dict[str, Any]:
        values = {
            "C/Float": number + 0.5,
            "C/Whole": 2**60 + number,
            "C/Name": f"n{number}",
            "C/Wave": [1, number],
        }
        url = f"http://127.0.0.1:{self.port}/v1/values"
        headers = {"Authorization": f"Bearer {SECRET}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
            refused = await client.post(url, json={"values": [{"path": "C/Unlisted", "value": 1}]})
            assert refused.status_code == 422
            rows = [{"path": path, "value": value} for path, value in values.items()]
            answer = await client.post(url, json={"values": rows})
        assert answer.json() == {"rows": 4}
        return {f"Press/{path}": value for path, value in values.items()}


class OpcUaSubject(Subject):
    type = "opcua"
    paths: ClassVar = {
        SampleKind.NUMERIC: "M/C/Float",
        SampleKind.INTEGER: "M/C/Whole",
        SampleKind.TEXT: "M/C/Name",
        SampleKind.ARRAY: "M/C/Wave",
    }
    bad = "M/C/Odd"
    waived: ClassVar = {
        "gap": "the server keeps its queues while its port is shut, so nothing is missing",
    }
    wrong: ClassVar = [
        {"url": "http://x"}, {"user": None, "password": SECRET}, {"prefix": "/a"},
        {"thin": [{"paths": "*"}]}, {"spool_hours": 0},
    ]  # fmt: skip

    def own(self) -> dict[str, Any]:
        url = f"opc.tcp://127.0.0.1:{self.port}"
        quick = {"publishing_interval_ms": 50, "keep_alive_s": 0.5}
        kept = {"spool_hours": 24.0, "compress": True, "thin": [{"paths": "M/C/Nothing", "deadband": 1.0}]}
        return {"url": url, "security_policy": "None", "user": "op", "password": SECRET, **quick, **kept}

    async def start(self) -> None:
        if hasattr(self, "server"):  # its address space takes long to build; only its port was shut
            await self.server.bserver.start()
            return
        self.server = Server()
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}")
        space = await self.server.register_namespace("urn:conformance")
        machine = await self.server.nodes.objects.add_object(space, "M")
        part = await machine.add_object(space, "C")
        self.nodes = {
            "M/C/Float": await part.add_variable(space, "Float", 0.0),
            "M/C/Whole": await part.add_variable(space, "Whole", 0, ua.VariantType.Int64),
            "M/C/Name": await part.add_variable(space, "Name", ""),
            "M/C/Wave": await part.add_variable(space, "Wave", [0.0]),
        }
        await part.add_variable(space, "Odd", b"x")
        await self.server.start()

    async def stop(self) -> None:
        await self.server.bserver.stop()

    async def give(self, number: int) -> dict[str, Any]:
        whole = ua.Variant(2**60 + number, ua.VariantType.Int64)
        values = {
            "M/C/Float": ua.Variant(number + 0.5), "M/C/Whole": whole,
            "M/C/Name": ua.Variant(f"n{number}"), "M/C/Wave": ua.Variant([1.0, float(number)]),
        }  # fmt: skip
        for path, value in values.items():
            await self.nodes[path].write_value(ua.DataValue(value, SourceTimestamp=datetime.now(UTC)))
        return {path: value.Value for path, value in values.items()}


SUBJECTS = [OpcUaSubject, SparkplugSubject, ModbusSubject, FilesSubject, HttpPushSubject]


@pytest.fixture(params=SUBJECTS, ids=[one.type for one in SUBJECTS])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    if request.param is SparkplugSubject and shutil.which("mosquitto_passwd") is None:
        pytest.fail("the broker is missing; run deploy/ci/system-packages.sh")
    made: Subject = request.param(tmp_path)
    return made


class Kit:
    """Helpers for the suite, since test files do not import each other."""

    secret = SECRET
    subjects = SUBJECTS
    until = staticmethod(until)


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
