"""What a server says it can bear, and what it has shown since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from tundish_connectors.opcua.batching import Batching

if TYPE_CHECKING:
    from tundish_connectors.opcua.session import RawSession

_NODES = {
    "browse": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "read": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "items": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}
_DEFAULT_ITEMS = 1000
_DEFAULT_READ = 500
# More would only queue at a small server, which has one processor for its machine and for us.
_CALLS_AT_ONCE = 4
# Each may have a thousand references in the answer.
_MOST_BROWSE = 50


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations per call; None where the server states no limit."""

    browse: int | None = None
    read: int | None = None
    items: int | None = None


@dataclass
class Profile:
    """What is known of one server; it outlives lines and sessions.

    Attributes:
        browse, read: nodes per call, as stated at first, then as learned from refusals.
        items: operations per call on monitored items, the same.
    """

    browse: Batching = field(default_factory=lambda: Batching(_MOST_BROWSE, _CALLS_AT_ONCE))
    read: Batching = field(default_factory=lambda: Batching(_DEFAULT_READ, _CALLS_AT_ONCE))
    items: Batching = field(default_factory=lambda: Batching(_DEFAULT_ITEMS))

    def state(self, limits: Limits) -> None:
        """Take over what the server states; a size that it has refused since is not tried again."""
        browse = min(limits.browse or _MOST_BROWSE, _MOST_BROWSE)
        stated = (browse, limits.read or _DEFAULT_READ, limits.items or _DEFAULT_ITEMS)
        for batching, size in zip((self.browse, self.read, self.items), stated, strict=True):
            batching.size = min(batching.size, size) if batching.learned else size


async def profile_of(session: RawSession) -> Profile:
    """What a server states, for a look at it; errors as `read_limits`."""
    profile = Profile()
    profile.state(await read_limits(session))
    return profile


async def read_limits(session: RawSession) -> Limits:
    """The stated limits; what cannot be read counts as not stated, because calls adapt by themselves.

    Raises:
        OSError: the connection is gone.
    """
    stated: dict[str, int | None] = {}
    for name, node in _NODES.items():
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=ua.NodeId(ua.Int32(node)), AttributeId=AttributeIds.Value)
        ]
        (answer,) = await session.read(parameters)
        value = answer.Value.Value if answer.Value else None
        stated[name] = value if isinstance(value, int) and value > 0 else None
    return Limits(**stated)
