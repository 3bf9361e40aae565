"""What `tundish connect` shows of an unknown server: endpoints, tree, and the line kit that fits best."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tundish_connectors.lines import kits
from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.endpoints import read_offers
from tundish_connectors.opcua.paths import lines_of, tenant_line
from tundish_connectors.opcua.survey import survey_server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_connectors.opcua.config import OpcUaConnection

_LEAST_SHARE = 0.5
_TREE_LEVELS = 4


class KitProposal(BaseModel):
    """How well a kit fits: the share of its signals found below a line of the server."""

    model_config = ConfigDict(frozen=True)

    kit: str
    line: str
    found: int
    expected: int

    @property
    def share(self) -> float:
        """Share of the kit's signals that are there, 0 … 1."""
        return self.found / self.expected


class Discovery(BaseModel):
    """What a server is.

    Attributes:
        security: offered ``policy/mode`` pairs.
        logins: offered kinds of login.
        variables: number of variables that can be collected.
        tree: number of variables by path, down to the fourth level.
        unusable: path and reason of variables that cannot be collected.
        proposal: the best fitting kit with at least half of its signals there; None if none fits.
    """

    model_config = ConfigDict(frozen=True)

    security: list[str]
    logins: list[str]
    variables: int
    tree: dict[str, int]
    unusable: dict[str, str]
    proposal: KitProposal | None


def discover(connection: OpcUaConnection) -> Discovery:
    """Look at a server without collecting anything.

    Raises:
        ConnectorError: it cannot be reached, trusted or logged in to.
    """
    return asyncio.run(look(connection))


async def look(connection: OpcUaConnection) -> Discovery:
    """`discover` for callers within an event loop."""
    client, session = await open_client(connection)
    try:
        survey = await survey_server(session, connection)
        offers = await read_offers(connection.url, connection.request_timeout_s)
    finally:
        await leave(client)
    paths = [one.spec.path for one in survey.desired]
    return Discovery(
        security=sorted({f"{offer.policy}/{offer.mode}" for offer in offers}),
        logins=sorted({login for offer in offers for login in offer.logins}),
        variables=len(paths),
        tree=dict(Counter("/".join(path.split("/")[:-1][:_TREE_LEVELS]) for path in paths)),
        unusable={**survey.troubles, **survey.unreadable},
        proposal=propose_kit(paths),
    )


def propose_kit(paths: Iterable[str]) -> KitProposal | None:
    """The kit of which the largest share, at least half, stands below one common path."""
    offered = list(paths)
    proposals = [
        KitProposal(kit=one.id, line=tenant_line(one, line), found=found, expected=len(one.signals))
        for one in kits().values()
        for line, found in lines_of(one, offered).most_common(1)
    ]
    best = max(proposals, key=lambda proposal: proposal.share, default=None)
    return best if best is not None and best.share >= _LEAST_SHARE else None
