"""What is known of each edge node: its births, its sequence, its aliases, whether it lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tundish_connectors.sparkplug.metrics import kind_of, properties_of
from tundish_platform.samples import SignalRole, SignalSpec

if TYPE_CHECKING:
    from tundish_connectors.collect.config import SignalNaming
    from tundish_connectors.sparkplug.config import SparkplugConnection

NAMESPACE: Final = "spBv1.0"
_SEQUENCES: Final = 256
# Of the protocol itself, not of the plant.
_CONTROL: Final = ("bdSeq", "Node Control/", "Device Control/")


@dataclass(frozen=True)
class Topic:
    """``spBv1.0/group/TYPE/node[/device]``."""

    group: str
    kind: str
    node: str
    device: str = ""

    @classmethod
    def parse(cls, topic: str) -> Topic | None:
        """Of an MQTT topic; None for those that are no Sparkplug message of a node."""
        levels = topic.split("/")
        if levels[0] != NAMESPACE or len(levels) not in (4, 5) or not all(levels):
            return None
        return cls(*levels[1:])

    @property
    def key(self) -> tuple[str, str]:
        """The edge node."""
        return (self.group, self.node)

    def command(self) -> str:
        """Topic of commands to the node."""
        return f"{NAMESPACE}/{self.group}/NCMD/{self.node}"


@dataclass
class Tag:
    """One metric of a birth.

    Attributes:
        path: of its signal; empty for metrics that are not collected.
        datatype: Sparkplug's number of its type.
    """

    path: str
    datatype: int


@dataclass
class Node:
    """One edge node since its last birth.

    Attributes:
        alive: it was born and has not died.
        bd_seq: number of its birth, which its death must name.
        devices: tags by name, by device; the node's own under the empty name.
        aliases: tags by alias.
    """

    alive: bool = False
    bd_seq: int | None = None
    devices: dict[str, dict[str, Tag]] = field(default_factory=dict)
    aliases: dict[int, Tag] = field(default_factory=dict)
    _next: int = 0

    def follows(self, payload: Any, *, birth: bool = False) -> bool:  # noqa: ANN401 - a protobuf message
        """Whether a message's sequence number is the expected one; a birth begins anew."""
        number = int(payload.seq)
        good = birth or number == self._next
        self._next = (number + 1) % _SEQUENCES
        return good

    def born(self, payload: Any) -> None:  # noqa: ANN401 - a protobuf message
        """Forget the former life, devices included: they are born again after their node."""
        self.alive = True
        self.devices, self.aliases = {}, {}
        self.follows(payload, birth=True)
        numbers = [int(metric.long_value) for metric in payload.metrics if metric.name == "bdSeq"]
        self.bd_seq = numbers[0] if numbers else None

    def dies_by(self, payload: Any) -> bool:  # noqa: ANN401 - a protobuf message
        """Whether a death is meant for the present life, not for one that ended before the last birth."""
        numbers = [int(metric.long_value) for metric in payload.metrics if metric.name == "bdSeq"]
        return not numbers or self.bd_seq is None or numbers[0] == self.bd_seq

    def tag(self, device: str, metric: Any) -> Tag | None:  # noqa: ANN401 - a protobuf message
        """Which tag a data message means, by name or alias; None if it was never born."""
        if metric.name:
            return self.devices.get(device, {}).get(metric.name)
        return self.aliases.get(int(metric.alias)) if metric.HasField("alias") else None

    def paths(self, device: str | None = None) -> list[str]:
        """Signals of a device, or of the node and all its devices."""
        devices = self.devices.values() if device is None else [self.devices.get(device, {})]
        return [tag.path for tags in devices for tag in tags.values() if tag.path]


def announce(
    connection: SparkplugConnection,
    node: Node,
    topic: Topic,
    payload: Any,  # noqa: ANN401 - protobuf
) -> tuple[list[SignalSpec], dict[str, str]]:
    """Take a birth's metrics into a node.

    Returns:
        The signals, and the paths of metrics that are not collected with the reason.
    """
    names = {naming.path: naming for naming in connection.names}
    tags = node.devices[topic.device] = {}
    specs, failed = [], {}
    for metric in payload.metrics:
        tag = tags[metric.name] = Tag("", int(metric.datatype))
        if metric.HasField("alias"):
            node.aliases[int(metric.alias)] = tag
        if metric.name.startswith(_CONTROL):
            continue
        below = "/".join(
            level for level in (topic.group, topic.node, topic.device, metric.name.strip("/")) if level
        )
        kind = kind_of(tag.datatype)
        if kind is None:
            failed[connection.path(below)] = (
                f"metrics of data type {tag.datatype} are not collected / "
                f"不采集数据类型 {tag.datatype} 的指标"
            )
            continue
        tag.path = connection.path(below)
        specs.append(_spec(names.get(below), tag.path, kind, properties_of(metric)))
    return specs, failed


def _spec(naming: SignalNaming | None, path: str, kind: Any, properties: dict[str, Any]) -> SignalSpec:  # noqa: ANN401
    name = path.rsplit("/", 1)[-1]
    low, high = (properties.get(key) for key in ("engLow", "engHigh"))
    return SignalSpec(
        path=path,
        name_zh=(naming and naming.name_zh) or name,
        name_en=(naming and naming.name_en) or name,
        semantic=naming.semantic if naming else "",
        kind=kind,
        role=naming.role if naming else SignalRole.MEASUREMENT,
        unit=(naming and naming.unit) or str(properties.get("engUnit", "")),
        low=naming.low if naming and naming.low is not None else _number(low),
        high=naming.high if naming and naming.high is not None else _number(high),
        # Metrics are reported by exception: nothing is expected while nothing changes.
        period_s=None,
        step=naming.step if naming else False,
    )


def _number(value: Any) -> float | None:  # noqa: ANN401 - a property's value
    return float(value) if isinstance(value, int | float) else None
