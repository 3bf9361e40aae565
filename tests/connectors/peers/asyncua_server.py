"""An asyncua server whose counters are journalled: every value written is in the journal, in order."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Server, ua


async def main() -> None:
    settings = json.loads(sys.argv[1])
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/")
    index = await server.register_namespace("urn:tundish:test:counters")
    parent = server.nodes.objects
    for name in ("Plant", "Line", "Machine"):
        parent = await parent.add_object(index, name)
    nodes = [
        await parent.add_variable(index, f"Counter{at}", ua.Variant(0, ua.VariantType.Int64))
        for at in range(settings["signals"])
    ]
    value = 0
    journal = Path(settings["journal"])
    async with server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            value += 1
            now = datetime.now(UTC)
            for node in nodes:
                variant = ua.Variant(value, ua.VariantType.Int64)
                await node.write_value(ua.DataValue(variant, SourceTimestamp=now, ServerTimestamp=now))
            append(journal, {"value": value, "ts": now.isoformat()})
            await asyncio.sleep(settings["period_s"])


def append(journal: Path, entry: dict[str, object]) -> None:
    with journal.open("a") as file:
        file.write(json.dumps(entry) + "\n")


asyncio.run(main())
