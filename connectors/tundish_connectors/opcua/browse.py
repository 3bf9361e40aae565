"""Walks a server's tree below Objects, level by level, in bounded calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.session import RawSession

_MAX_DEPTH = 32
_MAX_CONTINUATIONS = 10_000
_STEPS_A_TURN = 5_000
# Answers stay well below the message size that small servers bear.
_REFERENCES_AN_ANSWER = 1_000
_POINTS_RAN_OUT = {StatusCodes.BadNoContinuationPoints, StatusCodes.BadContinuationPointInvalid}
_CLASSES = ua.NodeClass.Object | ua.NodeClass.Variable


@dataclass(frozen=True, slots=True)
class FoundVariable:
    """A variable and its path below Objects, of browse names joined by slashes."""

    node_id: ua.NodeId
    path: str
    display: str


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object, its path, and the node of its type."""

    node_id: ua.NodeId
    path: str
    type_node: ua.NodeId


@dataclass(slots=True)
class Tree:
    """What was found, and by path what could not be read or used and why."""

    variables: list[FoundVariable] = field(default_factory=list)
    objects: list[FoundObject] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)


class Progress(Protocol):
    """Is told how far the browsing is."""

    def __call__(self, found: int, waiting: int) -> None:
        """Take note: variables found so far, and nodes that still wait to be looked at."""
        ...


@dataclass(frozen=True, slots=True)
class _Step:
    node_id: ua.NodeId
    path: str


async def browse_tree(
    session: RawSession, batching: Batching, max_variables: int, progress: Progress | None = None
) -> Tree:
    """All variables below Objects but those of the server's own namespace 0.

    Raises:
        asyncua.ua.UaError: the server does not let itself be browsed at all.
        OSError: the connection is gone.
    """
    tree = Tree()
    seen: set[ua.NodeId] = set()
    level = [_Step(ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder)), "")]
    for _ in range(_MAX_DEPTH):
        if not level:
            return tree
        deeper: list[_Step] = []
        # A level may be the whole plant, so that progress is told within it too.
        for at in range(0, len(level), _STEPS_A_TURN):
            deeper += await _look(session, batching, level[at : at + _STEPS_A_TURN], seen, tree)
            if progress is not None:
                progress(len(tree.variables), max(0, len(level) - at - _STEPS_A_TURN) + len(deeper))
            if len(tree.variables) > max_variables:
                tree.bad["…"] = f"more than {max_variables} variables; the rest is left out"
                del tree.variables[max_variables:]
                return tree
        level = deeper
    tree.bad.update({step.path: f"deeper than {_MAX_DEPTH} levels" for step in level})
    return tree


async def _look(
    session: RawSession, batching: Batching, steps: list[_Step], seen: set[ua.NodeId], tree: Tree
) -> list[_Step]:
    async def call(part: Sequence[_Step]) -> list[ua.BrowseResult]:
        return await browse_nodes(session, [step.node_id for step in part], ObjectIds.HierarchicalReferences)

    deeper: list[_Step] = []
    for step, answer in zip(steps, await batching.run(steps, call), strict=True):
        result = answer
        if answer.StatusCode.value in _POINTS_RAN_OUT:
            # Once more, and alone: what was cut off would be missing without a word.
            (result,) = await call([step])
        if not result.StatusCode.is_good():
            tree.bad[step.path] = result.StatusCode.name
        for reference in result.References or []:
            child = _child(step, reference, seen, tree)
            if child is not None:
                deeper.append(child)
    return deeper


def _child(
    parent: _Step, reference: ua.ReferenceDescription, seen: set[ua.NodeId], tree: Tree
) -> _Step | None:
    node_id = _local(reference.NodeId)
    if reference.ReferenceTypeId == ua.NodeId(ua.Int32(ObjectIds.HasProperty)) or node_id.NamespaceIndex == 0:
        return None
    name = str(reference.BrowseName.Name or "").strip().replace("/", "∕")
    path = f"{parent.path}/{name}" if parent.path else name
    if not name:
        tree.bad[f"{parent.path}/{node_id.to_string()}"] = "a node without a browse name"
        return None
    if node_id in seen:
        return None
    seen.add(node_id)
    if reference.NodeClass == ua.NodeClass.Variable:
        display = reference.DisplayName.Text if reference.DisplayName else None
        tree.variables.append(FoundVariable(node_id, path, str(display or name)))
    elif reference.TypeDefinition is not None:
        tree.objects.append(FoundObject(node_id, path, _local(reference.TypeDefinition)))
    return _Step(node_id, path)


def _local(node_id: ua.ExpandedNodeId) -> ua.NodeId:
    return ua.NodeId(node_id.Identifier, node_id.NamespaceIndex, node_id.NodeIdType)


async def browse_nodes(
    session: RawSession,
    nodes: Sequence[ua.NodeId],
    reference: int,
    direction: ua.BrowseDirection = ua.BrowseDirection.Forward,
) -> list[ua.BrowseResult]:
    """One Browse call with its continuations; a result per node."""
    parameters = ua.BrowseParameters()
    parameters.RequestedMaxReferencesPerNode = ua.Counter(_REFERENCES_AN_ANSWER)
    parameters.NodesToBrowse = [
        ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=direction,
            ReferenceTypeId=ua.NodeId(ua.Int32(reference)),
            IncludeSubtypes=True,
            NodeClassMask=ua.UInt32(0 if direction == ua.BrowseDirection.Inverse else _CLASSES),
            ResultMask=ua.UInt32(ua.BrowseResultMask.All),
        )
        for node in nodes
    ]
    results = await session.browse(parameters)
    await follow(session, results)
    return results


async def follow(session: RawSession, results: list[ua.BrowseResult]) -> None:
    """Complete the results of a Browse call by their continuation points; errors as asyncua raises them."""
    for _ in range(_MAX_CONTINUATIONS):
        open_results = [result for result in results if result.ContinuationPoint]
        if not open_results:
            return
        more = ua.BrowseNextParameters()
        # asyncua's default gives the points back, and the rest of the references with them.
        more.ReleaseContinuationPoints = False
        more.ContinuationPoints = [result.ContinuationPoint for result in open_results]
        for result, answer in zip(open_results, await session.browse_next(more), strict=True):
            if not answer.StatusCode.is_good():
                result.StatusCode = answer.StatusCode
            result.References = [*(result.References or []), *(answer.References or [])]
            result.ContinuationPoint = answer.ContinuationPoint
