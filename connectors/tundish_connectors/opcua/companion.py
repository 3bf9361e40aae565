"""Companion specifications: which objects are machines, and what their variables mean.

A type is known by its namespace URI and browse name, never by a number, which every server gives anew. A
vendor's type counts as the standard type it is derived from.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from pydantic import BaseModel, ConfigDict

from tundish_connectors.opcua.browse import browse_nodes
from tundish_platform.samples import SignalRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.browse import FoundObject
    from tundish_connectors.opcua.describe import Describer
    from tundish_connectors.opcua.session import RawSession

_MAX_SUPERTYPES = 16
TypeName = tuple[str, str]


class Meaning(BaseModel):
    """What a variable of a known type means; the unit holds where the server states none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    semantic: str
    role: SignalRole
    unit: str = ""


class KnownType(BaseModel):
    """A type of a companion specification.

    Attributes:
        namespace: URI of its namespace.
        name: its browse name.
        specification: the specification's name for people.
        machine: its objects are machines.
        variables: meaning by path below such an object.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str
    name: str
    specification: str
    machine: bool = False
    variables: dict[str, Meaning]


@cache
def known_types() -> dict[TypeName, KnownType]:
    """The types that are recognised, by namespace URI and browse name."""
    text = files(__package__).joinpath("companion.toml").read_text("utf-8")
    known = [KnownType.model_validate(one) for one in tomllib.loads(text)["type"]]
    return {(one.namespace, one.name): one for one in known}


@dataclass(frozen=True, slots=True)
class TypedObject:
    """An object whose type is not one of the base namespace: its names, from its own type upwards."""

    path: str
    types: tuple[TypeName, ...]

    @property
    def known(self) -> list[KnownType]:
        """The recognised types among them, the most special first."""
        return [known_types()[name] for name in self.types if name in known_types()]

    @property
    def machine(self) -> KnownType | None:
        """The type that makes it a machine, if there is one."""
        return next((one for one in self.known if one.machine), None)


@dataclass(frozen=True, slots=True)
class Typed:
    """The typed objects of a server by path."""

    objects: dict[str, TypedObject] = field(default_factory=dict)

    def above(self, path: str) -> list[tuple[TypedObject, str]]:
        """The typed objects that a path lies below, nearest first, each with the rest of the path."""
        found: list[tuple[TypedObject, str]] = []
        cut = path.rfind("/")
        while cut > 0:
            if (one := self.objects.get(path[:cut])) is not None:
                found.append((one, path[cut + 1 :]))
            cut = path.rfind("/", 0, cut)
        return found

    def meaning(self, path: str) -> Meaning | None:
        """What a variable means; None where no companion specification tells."""
        for one, rest in self.above(path):
            for known in one.known:
                if rest in known.variables:
                    return known.variables[rest]
        return None


async def name_types(session: RawSession, describer: Describer, objects: Sequence[FoundObject]) -> Typed:
    """The types of objects, each looked up once.

    Raises:
        asyncua.ua.UaError: the server refuses to be browsed or read.
        OSError: the connection is gone.
    """
    nodes = {one.type_node for one in objects if one.type_node.NamespaceIndex}
    if not nodes:
        return Typed()
    chains = {node: await _chain(session, node) for node in nodes}
    wanted = sorted({node for chain in chains.values() for node in chain}, key=str)
    names = await describer.read_all(wanted, AttributeIds.BrowseName)
    uris = await _uris(describer)
    named: dict[ua.NodeId, TypeName] = {}
    for node, data in zip(wanted, names, strict=True):
        name = data.Value.Value if data.Value else None
        if isinstance(name, ua.QualifiedName) and node.NamespaceIndex < len(uris):
            named[node] = (uris[node.NamespaceIndex], str(name.Name))
    return Typed(
        {
            one.path: TypedObject(one.path, tuple(named[n] for n in chains[one.type_node] if n in named))
            for one in objects
            if one.type_node in chains
        }
    )


async def _uris(describer: Describer) -> list[str]:
    node = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
    (data,) = await describer.read_all([node], AttributeIds.Value)
    return [str(uri) for uri in data.Value.Value] if data.Value and data.Value.Value else []


async def _chain(session: RawSession, node: ua.NodeId) -> list[ua.NodeId]:
    """A type and what it is derived from, up to the base namespace."""
    chain: list[ua.NodeId] = []
    while node.NamespaceIndex and node not in chain and len(chain) < _MAX_SUPERTYPES:
        chain.append(node)
        (result,) = await browse_nodes(session, [node], ObjectIds.HasSubtype, ua.BrowseDirection.Inverse)
        if not result.References:
            break
        above = result.References[0].NodeId
        node = ua.NodeId(above.Identifier, above.NamespaceIndex, above.NodeIdType)
    return chain
