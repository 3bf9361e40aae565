"""From paths below a server's Objects to paths in the tenant."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tundish_platform.samples.kits import kit as find_kit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_platform.samples import SignalSpec
    from tundish_platform.samples.kits import LineKit

# Entry point of OPC 40001-1 (Machinery); it is no place in the plant.
_MACHINES = "Machines/"


def lines_of(kit: LineKit, paths: Iterable[str]) -> Counter[str]:
    """How many of a kit's signals stand below each path of a server."""
    wanted = {spec.path for spec in kit.signals}
    lines: Counter[str] = Counter()
    for path in paths:
        parts = path.split("/")
        for cut in range(1, len(parts)):
            if "/".join(parts[cut:]) in wanted:
                lines["/".join(parts[:cut])] += 1
    return lines


def tenant_line(kit: LineKit, server_line: str) -> str:
    """The path in the tenant to propose for a line found at a path of the server."""
    return kit.line if server_line.endswith(kit.line) else server_line.removeprefix(_MACHINES)


class TenantPaths:
    """Names the variables of one server.

    With a kit, the server's line (the path with most of the kit's signals, one that ends like the configured
    line first) stands for the line in the tenant, and what lies outside goes below that line too, so that two
    connections of a tenant cannot meet under one path. Without a kit, the configured prefix is put before.

    Attributes:
        known: the kit's specifications by tenant path.
    """

    def __init__(self, connection: OpcUaConnection, server_paths: list[str]) -> None:
        self.known: dict[str, SignalSpec] = {}
        self._below = connection.prefix
        self._server_line: str | None = None
        if connection.kit is not None:
            kit = find_kit(connection.kit)
            self._below = connection.line or kit.line
            self.known = {spec.path: spec for spec in kit.specs(self._below)}
            self._server_line = self._find_line(lines_of(kit, server_paths))

    def _find_line(self, lines: Counter[str]) -> str | None:
        return max(lines, key=lambda line: (line.endswith(self._below), lines[line]), default=None)

    def of(self, server_path: str) -> str:
        """The tenant path of a variable."""
        line = self._server_line
        inside = line is not None and server_path.startswith(f"{line}/")
        rest = server_path.removeprefix(f"{line}/") if inside else server_path
        return f"{self._below}/{rest}" if self._below else rest
