"""Writing to a machine and calling its methods: only what is granted by name, and never without a trail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua.audit import AuditTrail
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.browse import FoundVariable, follow
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.describe import Describer
from tundish_connectors.opcua.errors import classify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.session import RawSession

_REFUSED = "refused here"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write or a call.

    Attributes:
        status: name of the server's status code.
        before: value before a write; None for calls.
        results: output arguments of a call.
    """

    status: str
    before: Any = None
    results: list[Any] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the server did it."""
        return self.status.startswith("Good")


async def write_value(connection: OpcUaConnection, path: str, value: object, who: str) -> Outcome:
    """Write one value, if the connection's ``writable`` names exactly this path.

    Args:
        connection: with its grants.
        path: of the variable, below the server's Objects.
        value: converted to the type that the variable has.
        who: the person, for the trail.

    Raises:
        ConnectorError: not granted, not found, out of the variable's range, of another type, or the server is
            out of reach.
        OSError: the trail cannot be written.
    """
    trail = AuditTrail(connection.state_dir)
    entry = trail.ask(who, "write", path, value=value)
    try:
        _check_grant(path, connection.writable, "writable")
        return await _connected(connection, lambda session: _write(session, path, value, trail, entry))
    except ConnectorError as error:
        trail.tell(entry, _REFUSED if error.kind is ErrorKind.FATAL else "failed", reason=error.message_en)
        raise


async def call_method(connection: OpcUaConnection, path: str, inputs: Sequence[object], who: str) -> Outcome:
    """Call one method, if the connection's ``callable`` names exactly this path; errors as `write_value`.

    Args:
        connection: with its grants.
        path: of the method, below the server's Objects; its object stands before the last slash.
        inputs: converted to the types of the method's input arguments.
        who: the person, for the trail.
    """
    trail = AuditTrail(connection.state_dir)
    entry = trail.ask(who, "call", path, inputs=list(inputs))
    try:
        _check_grant(path, connection.callable, "callable")
        return await _connected(connection, lambda session: _call(session, path, inputs, trail, entry))
    except ConnectorError as error:
        trail.tell(entry, _REFUSED if error.kind is ErrorKind.FATAL else "failed", reason=error.message_en)
        raise


def _check_grant(path: str, granted: Sequence[str], setting: str) -> None:
    if path not in granted:
        raise ConnectorError(
            ErrorKind.FATAL,
            f"{path} is not granted. Nothing is written to a machine unless its connection names the "
            f"path under `{setting}`.",
            f"{path} 未获授权。只有连接配置的 `{setting}` 中列出的路径才允许操作。",
        )


async def _connected(connection: OpcUaConnection, work: Any) -> Outcome:  # noqa: ANN401 - a call with a session
    client, session = await open_client(connection)
    try:
        outcome: Outcome = await work(session)
    except (UaError, OSError, TimeoutError) as error:
        raise classify(error, connection.url) from error
    else:
        return outcome
    finally:
        await leave(client)


async def _write(session: RawSession, path: str, value: object, trail: AuditTrail, entry: str) -> Outcome:
    node = await locate(session, path)
    describer = Describer(session, Batching(100), Batching(100))
    (said,) = await describer.describe([FoundVariable(node, path, path)])
    (present,) = await session.read_attributes([node], AttributeIds.Value)
    if present.Value is None:
        raise _unusable(path, "its present value cannot be read", "无法读取当前值")
    if said.range is not None and isinstance(value, (int, float)):
        low, high = float(said.range.Low), float(said.range.High)
        if low < high and not low <= value <= high:
            raise _unusable(
                path, f"{value} is outside {low:g} … {high:g}", f"{value} 超出 {low:g} … {high:g}"
            )
    variant = _variant(path, value, present.Value.VariantType)
    request = ua.WriteParameters()
    # Without times: many servers refuse a client's own.
    request.NodesToWrite = [ua.WriteValue(node, AttributeIds.Value, None, ua.DataValue(variant))]
    (status,) = await session.write(request)
    trail.tell(entry, status.name, node=node.to_string(), before=present.Value.Value)
    return Outcome(status.name, before=present.Value.Value)


async def _call(
    session: RawSession, path: str, inputs: Sequence[object], trail: AuditTrail, entry: str
) -> Outcome:
    above = await locate(session, path.rpartition("/")[0])
    method = await locate(session, path)
    wanted = await _input_types(session, method)
    if len(wanted) != len(inputs):
        raise _unusable(path, f"it takes {len(wanted)} inputs", f"需要 {len(wanted)} 个输入")
    request = ua.CallMethodRequest(above, method)
    request.InputArguments = [_variant(path, one, kind) for one, kind in zip(inputs, wanted, strict=True)]
    (answer,) = await session.call([request])
    results = [one.Value for one in answer.OutputArguments or []]
    trail.tell(entry, answer.StatusCode.name, node=method.to_string(), results=results)
    return Outcome(answer.StatusCode.name, results=results)


async def _input_types(session: RawSession, method: ua.NodeId) -> list[ua.VariantType]:
    for reference in await _children(session, method):
        if reference.BrowseName.Name == "InputArguments":
            (data,) = await session.read_attributes([_plain(reference.NodeId)], AttributeIds.Value)
            arguments = data.Value.Value if data.Value else None
            return [ua.VariantType(int(one.DataType.Identifier)) for one in arguments or []]
    return []


def _variant(path: str, value: object, kind: ua.VariantType) -> ua.Variant:
    try:
        if kind in {ua.VariantType.Float, ua.VariantType.Double}:
            return ua.Variant(float(str(value)), kind)
        if kind is ua.VariantType.Boolean and isinstance(value, bool):
            return ua.Variant(value, kind)
        if kind is ua.VariantType.String:
            return ua.Variant(str(value), kind)
        if ua.VariantType.SByte.value <= kind.value <= ua.VariantType.UInt64.value:
            whole = int(str(value))
            if -(2**63) <= whole < 2**64:
                return ua.Variant(whole, kind)
    except ValueError:
        pass
    raise _unusable(path, f"{value!r} is no {kind.name}", f"{value!r} 不是 {kind.name}")


async def locate(session: RawSession, path: str) -> ua.NodeId:
    """The node at a path of browse names below Objects.

    Raises:
        ConnectorError: fatal; there is none.
        asyncua.ua.UaError: the server refuses to be browsed.
        OSError: the connection is gone.
    """
    node = ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))
    for name in path.split("/"):
        found = [one for one in await _children(session, node) if _name(one) == name]
        if not found:
            raise _unusable(path, f"the server has no {name} there", f"服务器上没有 {name}")
        node = _plain(found[0].NodeId)
    return node


async def _children(session: RawSession, node: ua.NodeId) -> list[ua.ReferenceDescription]:
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = ua.Counter(0)
    parameters.NodesToBrowse = [
        ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=ua.BrowseDirection.Forward,
            ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
            IncludeSubtypes=True,
            NodeClassMask=ua.UInt32(0),
            ResultMask=ua.UInt32(ua.BrowseResultMask.All),
        )
    ]
    results = await session.browse(parameters)
    await follow(session, results)
    return results[0].References or []


def _name(reference: ua.ReferenceDescription) -> str:
    return str(reference.BrowseName.Name or "").strip().replace("/", "∕")


def _plain(node: ua.ExpandedNodeId) -> ua.NodeId:
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def _unusable(path: str, why_en: str, why_zh: str) -> ConnectorError:
    return ConnectorError(
        ErrorKind.FATAL, f"{path} cannot be used so: {why_en}.", f"{path} 无法操作:{why_zh}。"
    )
