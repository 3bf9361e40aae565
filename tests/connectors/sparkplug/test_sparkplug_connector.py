"""The host application against a broker's messages: deaths, holes, rebirths, a refused log-in."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.sparkplug.config import SparkplugConnection
from tundish_connectors.sparkplug.connector import SparkplugConnector
from tundish_connectors.sparkplug.payload import payload_class
from tundish_connectors.sparkplug.session import Message
from tundish_platform.samples import BAD_NO_COMMUNICATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW_US = 1_800_000_000_000_000


class Taken:
    """What the connector hands to its recorder."""

    def __init__(self) -> None:
        self.specs: dict[str, Any] = {}
        self.failed: dict[str, str] = {}
        self.events: list[tuple[Any, ...]] = []

    def declare(self, specs: Sequence[Any]) -> None:
        self.specs.update({spec.path: spec for spec in specs})

    def take(self, path: str, ts: int, value: object, status: int = 0, *, historical: bool = False) -> None:
        self.events.append((path, ts, value, status, historical))

    def lost(self, reason: Any, paths: Sequence[str] | None = None) -> None:  # noqa: ANN401 - a GapReason
        self.events.append(("lost", reason.value, paths))


class Published:
    """The session's way out."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, topic: str, _payload: bytes) -> None:
        self.topics.append(topic)


class Host:
    """A connector that is given messages by hand."""

    def __init__(self, tmp_path: Path) -> None:
        connection = SparkplugConnection(
            name="s",
            state_dir=tmp_path,
            host="127.0.0.1",
            tls=False,
            groups=["G"],
            rebirth_s=3600,
            most_signals=2,
        )
        self.taken, self.session = Taken(), Published()
        self.connector = SparkplugConnector(connection, self.taken)

    def hear(self, topic: str, payload: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - a protobuf message
        self.taken.events.clear()
        body = payload if isinstance(payload, bytes) else payload.SerializeToString()
        message = Message(f"spBv1.0/G/{topic}", body, 1, 0, NOW_US)
        asyncio.run(self.connector._take(self.session, message))
        return list(self.taken.events)


def data(seq: int, **metrics: float) -> Any:  # noqa: ANN401 - a protobuf message
    payload = payload_class()(timestamp=1000, seq=seq)
    for name, value in metrics.items():
        payload.metrics.add(name=name, datatype=10, double_value=value, timestamp=2000)
    return payload


def death(bd_seq: int = 0) -> Any:  # noqa: ANN401 - a protobuf message
    payload = payload_class()()
    payload.metrics.add(name="bdSeq", datatype=4, long_value=bd_seq)
    return payload


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.hear("NBIRTH/N", data(0, T=1.0))
    made.hear("DBIRTH/N/D", data(1, P=1.0))
    return made


def test_a_death_ends_the_values_of_the_node_and_its_devices(host: Host) -> None:
    ended = ("G/N/T", NOW_US, None, BAD_NO_COMMUNICATION, False)
    assert host.hear("NDEATH/N", death()) == [
        ended,
        ("G/N/D/P", *ended[1:]),
        ("lost", "disconnected", ["G/N/T", "G/N/D/P"]),
    ]
    # Dead is dead: no data without a birth.
    assert host.hear("NDATA/N", data(2, T=5.0)) == []
    assert host.session.topics == ["spBv1.0/G/NCMD/N"]


def test_a_device_dies_alone(host: Host) -> None:
    paths = {event[0] for event in host.hear("DDEATH/N/D", data(2))}
    assert paths == {"G/N/D/P", "lost"}
    assert host.hear("NDATA/N", data(3, T=5.0)) == [("G/N/T", 2_000_000, 5.0, 0, False)]


def test_a_hole_in_the_sequence_is_a_gap_and_one_rebirth_is_asked_for(host: Host) -> None:
    assert host.hear("NDATA/N", data(2, T=2.0)) == [("G/N/T", 2_000_000, 2.0, 0, False)]
    events = host.hear("NDATA/N", data(5, T=5.0))
    assert events[0] == ("lost", "sequence", ["G/N/T", "G/N/D/P"])
    assert events[1][2] == 5.0
    host.hear("NDATA/N", data(9, T=6.0))
    assert host.session.topics == ["spBv1.0/G/NCMD/N"]


def test_what_was_never_born_and_what_cannot_be_read_ask_for_a_rebirth(host: Host) -> None:
    assert host.hear("NDATA/N", data(2, Other=2.0)) == []
    assert host.session.topics == ["spBv1.0/G/NCMD/N"]
    host.hear("NDATA/M", b"\xff\xff\xff")
    host.hear("DDATA/K/D", data(0, P=1.0))
    assert host.session.topics[1:] == ["spBv1.0/G/NCMD/M", "spBv1.0/G/NCMD/K"]
    assert host.connector.details()["unreadable"] == 1


def test_a_birth_without_a_death_is_a_gap_too(host: Host) -> None:
    events = host.hear("NBIRTH/N", data(0, T=1.0))
    assert events[0] == ("lost", "disconnected", ["G/N/T", "G/N/D/P"])


def test_historical_values_are_told_as_such(host: Host) -> None:
    payload = data(2, T=2.0)
    payload.metrics[0].is_historical = True
    assert host.hear("NDATA/N", payload) == [("G/N/T", 2_000_000, 2.0, 0, True)]


def test_more_signals_than_agreed_are_listed_not_collected(host: Host) -> None:
    host.hear("DBIRTH/N/E", data(2, Q=1.0))
    assert set(host.taken.specs) == {"G/N/T", "G/N/D/P"}
    assert set(host.taken.failed) == {"G/N/E/Q"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    if shutil.which("mosquitto_passwd") is None:
        pytest.fail("the broker is missing; run deploy/ci/system-packages.sh")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "tundish", "right"], check=True)
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
    )
    with (tmp_path / "broker.log").open("w") as log:
        process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(config)], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield port
    process.kill()
    process.wait()


@pytest.mark.integration
def test_a_wrong_password_is_fatal_and_no_broker_is_not(tmp_path: Path, broker: int) -> None:
    def fails(port: int) -> ConnectorError:
        connection = SparkplugConnection(
            name="s",
            state_dir=tmp_path,
            host="127.0.0.1",
            port=port,
            tls=False,
            groups=["G"],
            user="tundish",
            password="mistyped",
        )
        with pytest.raises(ConnectorError) as caught:
            asyncio.run(SparkplugConnector(connection, Quiet()).run(lambda *_: None))
        return caught.value

    refused = fails(broker)
    assert refused.kind is ErrorKind.FATAL
    assert "密码" in refused.message_zh
    assert "mistyped" not in refused.message_en
    assert fails(9).kind is ErrorKind.RETRY


class Quiet(Taken):
    """A recorder of nothing."""

    def flush(self) -> bool:
        return True
