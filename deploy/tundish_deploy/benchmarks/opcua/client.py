"""A client as a process of its own. Run as a module by the benchmark alone."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from pathlib import Path

from tundish_deploy.benchmarks.opcua.meter import Meter
from tundish_deploy.logs import configure_logs


def main() -> None:
    """Run the client that the settings name (JSON), until its meter has printed."""
    configure_logs("CRITICAL")
    settings = json.loads(sys.argv[1])
    url, folder, items = settings["url"], Path(settings["folder"]), settings["items"]
    meters = [Meter(settings["warm_s"], settings["seconds"]) for _ in range(settings["servers"])]
    if settings["client"].startswith("ours"):
        from tundish_deploy.benchmarks.opcua.ours import receive

        options = {key: settings[key] for key in ("encrypted", "mixed")}
        options["durable"] = settings["client"] == "ours_durable"
        asyncio.run(receive(url, folder, items, meters, options))
    else:
        from tundish_deploy.benchmarks.opcua.peers import PEERS

        run = PEERS[settings["client"]](
            url, folder, items, settings["each"], meters[0], encrypted=settings["encrypted"]
        )
        if inspect.iscoroutine(run):
            asyncio.run(run)
    # Threads of a peer must not keep a finished client alive.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
