"""`SparkplugConnector`: follows births, data and deaths of edge nodes; asks for a rebirth where it must."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import structlog

from tundish_connectors.collect.recorder import now_us
from tundish_connectors.connector import Report, RunState
from tundish_connectors.sparkplug.metrics import value_of
from tundish_connectors.sparkplug.nodes import Node, Topic, announce
from tundish_connectors.sparkplug.payload import payload_class, rebirth_command
from tundish_connectors.sparkplug.session import Message, Session
from tundish_connectors.spool.files import Files
from tundish_platform.samples import BAD_NO_COMMUNICATION, GapReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tundish_connectors.collect.recorder import Recorder
    from tundish_connectors.sparkplug.config import SparkplugConnection

_log = structlog.get_logger(__name__)
_WAIT_S = 0.5
_BAD_DECODING = 0x80070000


class SparkplugConnector:
    """Collects from all edge nodes of some groups into a recorder."""

    def __init__(self, connection: SparkplugConnection, recorder: Recorder) -> None:
        self._connection = connection
        self._recorder = recorder
        self._nodes: dict[tuple[str, str], Node] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._known_path = connection.state_dir / "nodes.json"
        self._known = _read_known(self._known_path)
        self._counts = {
            "messages": 0,
            "unreadable": 0,
            "out_of_sequence": 0,
            "rebirths_asked": 0,
            "thrown_away": 0,
        }

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    def details(self) -> dict[str, Any]:
        """Nodes, and what came of their messages."""
        nodes = {
            "/".join(key): {"alive": node.alive, "devices": len(node.devices)}
            for key, node in self._nodes.items()
        }
        return {"nodes": nodes, **self._counts}

    async def run(self, report: Report) -> None:
        """Collect until the task is cancelled or the broker is lost.

        Raises:
            ConnectorError: retry or fatal.
        """
        session = Session(self._connection, now_us)
        try:
            await session.open()
            self._asked.clear()
            # Nodes that were born while nobody listened say nothing until something changes.
            for group, node in self._known:
                self._ask(session, Topic(group, "NCMD", node))
            report(RunState.RUNNING)
            while True:
                messages = await session.take(_WAIT_S)
                for message in messages:
                    await self._take(session, message)
                self._note_thrown_away(session)
                if self._recorder.flush():
                    session.acknowledge(messages)
        finally:
            # Nothing is known of any node until it is heard again; births may have been missed meanwhile.
            self._recorder.lost(GapReason.DISCONNECTED)
            self._nodes.clear()
            self._recorder.flush()
            await asyncio.to_thread(session.close)

    def _note_thrown_away(self, session: Session) -> None:
        fresh = session.thrown_away - self._counts["thrown_away"]
        if fresh > 0:
            self._recorder.lost(GapReason.OVERFLOW)
        self._counts["thrown_away"] = max(session.thrown_away, self._counts["thrown_away"])

    async def _take(self, session: Session, message: Message) -> None:
        topic = Topic.parse(message.topic)
        if topic is None or topic.kind not in ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH"):
            return
        self._counts["messages"] += 1
        payload = payload_class()()
        try:
            payload.ParseFromString(message.payload)
        except Exception as error:  # noqa: BLE001 - protobuf's DecodeError is loaded with it only
            self._counts["unreadable"] += 1
            _log.warning("a message could not be read", topic=message.topic, reason=str(error))
            self._ask(session, topic)
            return
        node = self._nodes.setdefault(topic.key, Node())
        if topic.kind == "NDEATH":
            if node.alive and node.dies_by(payload):
                node.alive = False
                self._died(node.paths(), message.arrival_us)
            return
        if topic.kind == "NBIRTH":
            self._died_unheard(node)
            node.born(payload)
            self._remember(topic.key)
        elif not self._in_order(session, node, topic, payload):
            return
        if topic.kind == "DDEATH":
            self._died(node.paths(topic.device), message.arrival_us)
            node.devices.pop(topic.device, None)
            return
        if topic.kind in ("NBIRTH", "DBIRTH"):
            await self._declare(node, topic, payload)
        self._values(session, node, topic, payload, message.arrival_us)

    def _remember(self, key: tuple[str, str]) -> None:
        if key not in self._known:
            self._known.append(key)
            Files().replace_text(self._known_path, json.dumps(self._known))

    def _died_unheard(self, node: Node) -> None:
        """A birth without a death: the node came back before the broker missed it."""
        if node.alive:
            self._recorder.lost(GapReason.DISCONNECTED, node.paths())

    def _in_order(self, session: Session, node: Node, topic: Topic, payload: Any) -> bool:  # noqa: ANN401
        if not node.alive:
            self._ask(session, topic)
            return False
        if not node.follows(payload):
            self._counts["out_of_sequence"] += 1
            self._recorder.lost(GapReason.SEQUENCE, node.paths())
            self._ask(session, topic)
        return True

    def _ask(self, session: Session, topic: Topic) -> None:
        """Ask for a rebirth: what was missed may have been a birth or a change."""
        now = time.monotonic()
        if now - self._asked.get(topic.key, -1e9) >= self._connection.rebirth_s:
            self._asked[topic.key] = now
            self._counts["rebirths_asked"] += 1
            session.publish(topic.command(), rebirth_command(now_us() // 1000))

    async def _declare(self, node: Node, topic: Topic, payload: Any) -> None:  # noqa: ANN401 - protobuf
        specs, failed = announce(self._connection, node, topic, payload)
        room = self._connection.most_signals - len(self._recorder.specs)
        fresh = [spec for spec in specs if spec.path not in self._recorder.specs]
        for spec in fresh[max(0, room) :]:
            failed[spec.path] = f"more than {self._connection.most_signals} signals / 信号超过上限"
        self._recorder.failed.update(failed)
        await asyncio.to_thread(self._recorder.declare, [spec for spec in specs if spec.path not in failed])

    def _values(
        self,
        session: Session,
        node: Node,
        topic: Topic,
        payload: Any,  # noqa: ANN401 - a protobuf message
        arrival_us: int,
    ) -> None:
        for metric in payload.metrics:
            tag = node.tag(topic.device, metric)
            if tag is None:
                self._ask(session, topic)
                continue
            if not tag.path:
                continue
            moment = int(metric.timestamp or payload.timestamp) * 1000 or arrival_us
            try:
                value, status = value_of(metric, tag.datatype)
            except ValueError:
                value, status = None, _BAD_DECODING
            self._recorder.take(tag.path, moment, value, status, historical=bool(metric.is_historical))

    def _died(self, paths: Iterable[str], arrival_us: int) -> None:
        """From now on nothing is known: the last values must not go on speaking."""
        paths = list(paths)
        for path in paths:
            self._recorder.take(path, arrival_us, None, BAD_NO_COMMUNICATION)
        self._recorder.lost(GapReason.DISCONNECTED, paths)


def _read_known(path: Path) -> list[tuple[str, str]]:
    try:
        return [(str(group), str(node)) for group, node in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        return []
