"""What a rules file would change, before it is applied: the signals without it beside those with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_connectors.opcua.connector import leave, open_client
from tundish_connectors.opcua.rules import rule_of, unused
from tundish_connectors.opcua.survey import match, read_server

if TYPE_CHECKING:
    from tundish_connectors.opcua.browse import Progress
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.rules import Rule
    from tundish_connectors.opcua.survey import Survey


@dataclass(frozen=True, slots=True)
class Change:
    """What rules do to one variable.

    Attributes:
        server_path: the variable.
        path: its signal's path with the rules; None where they leave it out.
        fields: old and new value by field of the specification.
    """

    server_path: str
    path: str | None
    fields: dict[str, tuple[object, object]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a server's variables.

    Attributes:
        survey: as the rules would have it.
        changes: what differs from a survey without rules.
        unused: rules that fit nothing.
        troubles: reasons by path that only the rules bring about, such as two variables with one path.
    """

    survey: Survey
    changes: list[Change]
    unused: list[Rule]
    troubles: dict[str, str]

    def rows(self) -> list[Rule]:
        """The signals as rules, one for each variable, to be changed by hand and read again."""
        return [rule_of(at, one.server_path, one.spec) for at, one in enumerate(self.survey.desired, 2)]


def preview(connection: OpcUaConnection, progress: Progress | None = None) -> Preview:
    """Look at the server without and with the connection's rules; nothing is applied.

    Raises:
        ConnectorError: the server cannot be reached, trusted or logged in to.
    """
    return asyncio.run(compare(connection, progress))


async def compare(connection: OpcUaConnection, progress: Progress | None = None) -> Preview:
    """`preview` for callers within an event loop."""
    client, session = await open_client(connection)
    try:
        server = await read_server(session, connection.max_nodes, progress)
    finally:
        await leave(client)
    before, after = match(connection.without_rules(), server), match(connection, server)
    rules = connection.rule_set
    return Preview(after, changes(before, after), unused(rules, after.used), _new_troubles(before, after))


def changes(before: Survey, after: Survey) -> list[Change]:
    """The variables of which something differs, in the server's order."""
    now = {one.server_path: one.spec for one in after.desired}
    found: list[Change] = []
    for one in before.desired:
        spec = now.get(one.server_path)
        if spec is None:
            found.append(Change(one.server_path, None, {}))
            continue
        old, new = one.spec.model_dump(mode="json"), spec.model_dump(mode="json")
        fields = {name: (old[name], new[name]) for name in old if old[name] != new[name]}
        if fields:
            found.append(Change(one.server_path, spec.path, fields))
    return found


def _new_troubles(before: Survey, after: Survey) -> dict[str, str]:
    return {path: why for path, why in after.troubles.items() if before.troubles.get(path) != why}
