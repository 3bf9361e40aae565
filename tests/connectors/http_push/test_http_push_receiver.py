"""The receiver: keys, limits, both bodies, and 200 only for what is on disk."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pytest

from tundish_connectors.http_push.config import Device, HttpPushConnection
from tundish_connectors.http_push.receiver import Receiver, Refusal
from tundish_connectors.spool import Spool
from tundish_platform.samples import decode_batch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connectors.conftest import ReceivingPlatform

    from tundish_connectors.http_push.body import PushedRow

KEY = "key-of-the-first-device"
NOW_US = 1_800_000_000_000_000


class Desk:
    """A receiver without a network, and what it kept."""

    def __init__(self, tmp_path: Path) -> None:
        device = {"path": "Yard/Scale", "key": KEY, "open": True}
        connection = HttpPushConnection(
            name="p", state_dir=tmp_path, devices=[device], most_bytes=2000, most_rows=5
        )
        self.kept: list[tuple[Device, list[PushedRow]]] = []
        self.refusal: Refusal | None = None
        self.receiver = Receiver(connection, self._keep, lambda: NOW_US)

    def _keep(self, device: Device, rows: list[PushedRow]) -> Refusal | None:
        self.kept.append((device, rows))
        return self.refusal

    def post(self, body: bytes, kind: str = "application/json", key: str = KEY) -> tuple[str, dict[str, Any]]:
        seen: list[Any] = []
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/v1/values",
            "HTTP_AUTHORIZATION": f"Bearer {key}",
            "CONTENT_TYPE": kind,
            "wsgi.input": io.BytesIO(body),
        }
        (answer,) = self.receiver(environ, lambda status, headers: seen.extend([status, dict(headers)]))
        self.headers = seen[1]
        return seen[0].split()[0], json.loads(answer)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def rows(*values: dict[str, Any]) -> bytes:
    return json.dumps({"values": values}).encode()


def test_json_with_each_kind_of_time(desk: Desk) -> None:
    body = rows(
        {"path": "W", "value": 5},
        {"path": "W", "value": "on", "ts": "2026-01-31T08:00:00+08:00", "status": 0x80000000},
        {"path": "W", "value": [1, 2], "ts": 1_700_000_000_123},
    )
    assert desk.post(body) == ("200", {"rows": 3})
    ((device, kept),) = desk.kept
    assert device.path == "Yard/Scale"
    moment = round(datetime(2026, 1, 31, 0, tzinfo=UTC).timestamp() * 1e6)
    assert [row.ts_us for row in kept] == [NOW_US, moment, 1_700_000_000_123_000]
    assert [row.kind.value for row in kept] == ["numeric", "text", "array"]
    assert kept[1].status == 0x80000000


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_arrow_streams_are_taken_alike(desk: Desk) -> None:
    stamps = pa.array([1_700_000_000_123, 1_700_000_000_124], pa.timestamp("ms", tz="Asia/Shanghai"))
    body = arrow(pa.table({"path": ["W", "V"], "ts": stamps, "value": [1.5, None]}))
    assert desk.post(body, "application/vnd.apache.arrow.stream") == ("200", {"rows": 2})
    ((_, kept),) = desk.kept
    assert [(row.path, row.ts_us, row.value, row.status) for row in kept] == [
        ("W", 1_700_000_000_123_000, 1.5, 0),
        ("V", 1_700_000_000_124_000, None, 0),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"values": 5}',
        b'{"values": [{"value": 1}]}',
        b'{"values": [{"path": "a"}]}',
        b'{"values": [{"path": "a", "value": 1, "ts": "2026-01-31T08:00:00"}]}',
        b'{"values": [{"path": "a", "value": 1, "ts": -5}]}',
        b'{"values": [{"path": "a", "value": 1, "ts": 1e300}]}',
        b'{"values": [{"path": "a", "value": 1, "status": true}]}',
        b"[" * 1900,
        rows(*[{"path": "a", "value": 1}] * 6),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_in_both_languages(desk: Desk, body: bytes) -> None:
    status, answer = desk.post(body)
    assert status == "400"
    assert set(answer["error"]) == {"message", "message_zh"}
    assert desk.kept == []


def test_arrow_that_cannot_be_used_is_refused(desk: Desk) -> None:
    kind = "application/vnd.apache.arrow.stream"
    plain = pa.array([1], pa.timestamp("us"))
    assert desk.post(b"no arrow", kind)[0] == "400"
    assert desk.post(arrow(pa.table({"path": ["a"], "ts": plain, "value": [1.0]})), kind)[0] == "400"
    assert desk.post(arrow(pa.table({"path": ["a"]})), kind)[0] == "400"
    assert desk.post(rows({"path": "a", "value": 1}), "text/plain")[0] == "400"
    assert desk.kept == []


def test_keys_and_lengths_are_checked_before_anything_is_read(desk: Desk) -> None:
    assert desk.post(b"nonsense", key="mistyped-key-of-a-device")[0] == "401"
    assert desk.headers["WWW-Authenticate"] == "Bearer"
    assert desk.post(b" " * 2001)[0] == "413"


def test_a_full_spool_asks_to_come_again(desk: Desk) -> None:
    desk.refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "full", "已满")
    assert desk.post(rows({"path": "a", "value": 1}))[0] == "503"
    assert int(desk.headers["Retry-After"]) > 0


SCRIPT = textwrap.dedent("""
    import json, sys
    from tundish_connectors.collect import GatewaySettings
    from tundish_connectors.delivery import DeliveryConfig
    from tundish_connectors.registry import connector_type
    told = json.loads(sys.argv[1])
    settings = GatewaySettings(DeliveryConfig.model_validate(told["delivery"]), heartbeat_s=0.2)
    sys.exit(connector_type("http_push").run(told["connection"], settings))
""")


@pytest.mark.integration
def test_what_was_answered_with_200_survives_a_kill(tmp_path: Path, platform: ReceivingPlatform) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    device = {"path": "Scale", "key": KEY, "signals": [{"path": "W", "kind": "integer"}]}
    told = {
        "connection": {"name": "p", "state_dir": str(tmp_path / "state"), "port": port, "devices": [device]},
        "delivery": {"base_url": platform.url, "tenant": "plant", "token": "gateway-token"},
    }
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(told)])
    with httpx.Client(trust_env=False, timeout=30, headers={"Authorization": f"Bearer {KEY}"}) as client:
        url = f"http://127.0.0.1:{port}/v1/"
        deadline = time.monotonic() + 60
        while True:
            try:
                assert client.get(url + "health").json() == {"ok": True}
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        # From here on nothing leaves the gateway.
        platform.answers += [503] * 10_000
        for at in range(30):
            assert (
                client.post(url + "values", json={"values": [{"path": "W", "value": at}]}).status_code == 200
            )
        process.kill()
        process.wait()
    spool = Spool(tmp_path / "state" / "spool")
    kept = [decode_batch(record.payload) for record in spool.read(10**9)]
    on_disk = {value for batch in kept for value in batch.table["value"].to_pylist()}
    spool.close()
    assert on_disk | set(platform.rows("Scale/W").values()) == set(range(30))
