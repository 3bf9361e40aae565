"""What is to be collected from a server: its tree, matched with what the line kit knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.lines import ucum_of_unit_id
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.browse import FoundVariable, Progress, Tree, browse_tree
from tundish_connectors.opcua.describe import Describer, Description
from tundish_connectors.opcua.limits import read_limits
from tundish_connectors.opcua.paths import TenantPaths
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.session import RawSession

_KIND_OF_TYPE: dict[int, SampleKind] = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 10, 11, 26), SampleKind.NUMERIC),
    **dict.fromkeys((8, 9, 27, 28), SampleKind.INTEGER),
    **dict.fromkeys((12, 13, 14, 20, 21, 29), SampleKind.TEXT),
}
_COUNTABLE = {SampleKind.NUMERIC, SampleKind.INTEGER}
# More would only queue at a small server, which has one processor for its machine and for us.
_CALLS_AT_ONCE = 4
UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Desired:
    """A signal to be collected: what it is, where the server has it, and its enumeration's texts."""

    spec: SignalSpec
    node_id: ua.NodeId
    enum: dict[int, str] | None = None


@dataclass(slots=True)
class Survey:
    """What a server offers.

    Attributes:
        desired: signals to subscribe to, each path once.
        troubles: path and reason of variables that are not collected.
        missing: paths that the line kit expects and the server lacks.
        unreadable: path and status of variables that are collected but were bad when looked at.
    """

    desired: list[Desired] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


async def survey_server(
    session: RawSession, connection: OpcUaConnection, progress: Progress | None = None
) -> Survey:
    """Browse and describe the server, and match it with the connection's kit.

    Raises:
        asyncua.ua.UaError: the server refuses to be browsed or read.
        OSError: the connection is gone.
    """
    limits = await read_limits(session)
    browse = Batching(limits.browse or 200, _CALLS_AT_ONCE)
    tree = await browse_tree(session, browse, connection.max_nodes, progress)
    describer = Describer(session, browse, Batching(limits.read or 500, _CALLS_AT_ONCE))
    return match(connection, tree, await describer.describe(tree.variables))


def match(connection: OpcUaConnection, tree: Tree, descriptions: list[Description]) -> Survey:
    """The signals of a tree: the kit's specification where it knows the path, else a derived one."""
    paths = TenantPaths(connection, [variable.path for variable in tree.variables])
    survey = Survey(troubles={paths.of(path): why for path, why in tree.bad.items()})
    taken: set[str] = set()
    for variable, description in zip(tree.variables, descriptions, strict=True):
        path = paths.of(variable.path)
        if path in taken:
            survey.troubles[path] = f"a second variable with this path ({variable.node_id.to_string()})"
            continue
        taken.add(path)
        spec = paths.known.get(path) or derive_spec(path, variable, description)
        if spec is None:
            survey.troubles[path] = "a data type that cannot be stored"
            continue
        survey.desired.append(Desired(spec, variable.node_id, description.enum))
        if description.status:
            survey.unreadable[path] = description.status
    survey.missing = sorted(set(paths.known) - taken)
    return survey


def derive_spec(path: str, variable: FoundVariable, description: Description) -> SignalSpec | None:
    """A specification from what the server says; None where no kind can hold the variable's type."""
    kind = _kind(description)
    if kind is None:
        return None
    text = kind is SampleKind.TEXT
    # A moment told as text is nothing a machine can be in.
    state = text and description.data_type not in {ObjectIds.DateTime, ObjectIds.UtcTime}
    return SignalSpec(
        path=path,
        name_zh=variable.display,
        name_en=variable.display,
        semantic=UNCLASSIFIED,
        kind=kind,
        role=SignalRole.STATE if state else SignalRole.MEASUREMENT,
        unit=ucum_of_unit_id(description.unit.UnitId) if description.unit else "",
        low=float(description.range.Low) if description.range else None,
        high=float(description.range.High) if description.range else None,
        step=text,
    )


def _kind(description: Description) -> SampleKind | None:
    data_type = description.data_type
    if data_type is None or data_type == ObjectIds.BaseDataType:
        data_type = _type_of_value(description.value)
    kind = _KIND_OF_TYPE.get(data_type or 0)
    if description.rank >= 0 or (description.rank != -1 and isinstance(description.value, list)):
        return SampleKind.ARRAY if kind in _COUNTABLE else None
    return kind


def _type_of_value(value: object) -> int | None:
    if isinstance(value, list):
        value = value[0] if value else None
    for python_type, data_type in ((bool, 1), (int, 8), (float, 11), (str, 12), (ua.LocalizedText, 21)):
        if isinstance(value, python_type):
            return data_type
    return None
