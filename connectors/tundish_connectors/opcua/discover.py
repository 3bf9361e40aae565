"""What `tundish connect` shows of an unknown server: endpoints, tree, and the line kit that fits best."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.endpoints import read_offers
from tundish_connectors.opcua.paths import lines_of, tenant_line
from tundish_connectors.opcua.rules import unused
from tundish_connectors.opcua.survey import UNCLASSIFIED, Survey, survey_server
from tundish_platform.samples.kits import kits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_connectors.opcua.browse import Progress
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


class MachineProposal(BaseModel):
    """An object that a companion specification calls a machine: an asset to make, with its variables."""

    model_config = ConfigDict(frozen=True)

    path: str
    type: str
    specification: str
    variables: int


class Discovery(BaseModel):
    """What a server is.

    Attributes:
        security: offered ``policy/mode`` pairs.
        logins: offered kinds of login.
        variables: number of variables that can be collected.
        tree: number of variables by path, down to the fourth level.
        unusable: path and reason of variables that cannot be collected.
        proposal: the best fitting kit with at least half of its signals there; None if none fits.
        machines: objects that companion specifications call machines, outermost only.
        meanings: number of variables by semantic kind; what nobody classified is not among them.
        rules_unused: rows and patterns of rules that fitted nothing.
    """

    model_config = ConfigDict(frozen=True)

    security: list[str]
    logins: list[str]
    variables: int
    tree: dict[str, int]
    unusable: dict[str, str]
    proposal: KitProposal | None
    machines: list[MachineProposal] = []
    meanings: dict[str, int] = {}
    rules_unused: list[str] = []


def discover(connection: OpcUaConnection, progress: Progress | None = None) -> Discovery:
    """Look at a server without collecting anything.

    Raises:
        ConnectorError: it cannot be reached, trusted or logged in to.
    """
    return asyncio.run(look(connection, progress))


async def look(connection: OpcUaConnection, progress: Progress | None = None) -> Discovery:
    """`discover` for callers within an event loop."""
    client, session = await open_client(connection)
    try:
        survey = await survey_server(session, connection, progress)
        offers = await read_offers(connection.url, connection.request_timeout_s)
    finally:
        await leave(client)
    paths = [one.spec.path for one in survey.desired]
    kinds = [one.spec.semantic for one in survey.desired if one.spec.semantic != UNCLASSIFIED]
    return Discovery(
        security=sorted({f"{offer.policy}/{offer.mode}" for offer in offers}),
        logins=sorted({login for offer in offers for login in offer.logins}),
        variables=len(paths),
        tree=dict(Counter("/".join(path.split("/")[:-1][:_TREE_LEVELS]) for path in paths)),
        unusable={**survey.troubles, **survey.unreadable},
        proposal=propose_kit(paths),
        machines=propose_machines(survey),
        meanings=dict(Counter(kinds).most_common()),
        rules_unused=[f"row {one.row}: {one.match}" for one in unused(connection.rule_set, survey.used)],
    )


def propose_machines(survey: Survey) -> list[MachineProposal]:
    """The machines that the types of the server's objects tell of; a machine's own parts are not listed."""
    found: list[MachineProposal] = []
    below = Counter(
        "/".join(parts[:cut])
        for parts in (one.server_path.split("/") for one in survey.desired)
        for cut in range(1, len(parts))
    )
    for path in sorted(survey.typed.objects):
        one = survey.typed.objects[path]
        inside = any(path.startswith(f"{outer.path}/") for outer in found)
        if one.machine is not None and not inside:
            found.append(
                MachineProposal(
                    path=path,
                    type=one.types[0][1],
                    specification=one.machine.specification,
                    variables=below[path],
                )
            )
    return found


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
