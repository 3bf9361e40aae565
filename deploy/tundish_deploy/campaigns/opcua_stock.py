"""The control of the OPC UA campaign: asyncua's own client with its own reconnect, and nothing of ours.

Run as ``python -m tundish_deploy.campaigns.opcua_stock JOURNAL URL SIGNALS``; writes what it is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncua.client.client import Client

if TYPE_CHECKING:
    from asyncua.common.node import Node

PUBLISHING_MS = 100.0
_COUNTERS = ("Plant", "Line", "Machine")


class _Journal:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self.last = [0.0, 0.0]

    def datachange_notification(self, node: Node, value: object, data: Any) -> None:  # noqa: ANN401 - asyncua's
        moment = data.monitored_item.Value.SourceTimestamp
        name = node.nodeid.to_string()
        self.last = [time.time(), moment.timestamp()]
        self._file.write(json.dumps({"node": name, "ts": moment.isoformat(), "value": value}) + "\n")


async def _find(client: Client, signals: int) -> list[Node]:
    node = client.nodes.objects
    for name in _COUNTERS:
        node = await _child(node, name)
    return [await _child(node, f"Counter{at}") for at in range(signals)]


async def _child(node: Node, name: str) -> Node:
    for child in await node.get_children():
        if (await child.read_browse_name()).Name == name:
            return child
    raise LookupError(name)


async def collect(journal: Path, url: str, signals: int) -> None:
    """Subscribe once and leave the rest to asyncua."""
    handler = _Journal(journal)
    client = Client(url, timeout=2.0)
    await client.connect(auto_reconnect=True, reconnect_max_delay=0.5)
    subscription = await client.create_subscription(PUBLISHING_MS, handler)
    await subscription.subscribe_data_change(await _find(client, signals), queuesize=1000)
    while True:
        sys.stdout.write(json.dumps({"oldest": round(handler.last[1] * 1e6), "signals": signals}) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    logging.disable()
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(collect(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
