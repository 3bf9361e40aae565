"""The collector process of the OPC UA campaign: the real connector and spool, without a platform behind.

Run as ``python -m tundish_deploy.campaigns.opcua_collector FOLDER URL``; tells how far it is on its output.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tundish_connectors.connector import Backoff, ConnectorError, RunState, supervise
from tundish_connectors.delivery import Counters
from tundish_connectors.opcua import OpcUaConnection, OpcUaConnector
from tundish_connectors.opcua.intake import Intake
from tundish_connectors.spool import Spool
from tundish_deploy.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.samples import SampleBatch, SignalSpec

_TELL_S = 0.05
KEEP_ALIVE_S = 1.0
PUBLISHING_MS = 100.0


class LocalNumbers:
    """Numbers signals in the order of their paths, as a platform would, and takes no samples."""

    def put_signals(self, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Number by path; counters are numbered from 1 by the number in their name."""
        del source
        return {
            one.path: 1 + int(one.path.rpartition("Counter")[2]) for one in specs if "Counter" in one.path
        }

    def ingest(self, batches: Sequence[SampleBatch]) -> int:
        """Everything stays in the spool, where the campaign reads it."""
        return sum(len(batch) for batch in batches)


async def collect(folder: Path, url: str) -> None:
    """Collect until SIGTERM."""
    connection = OpcUaConnection(
        name="campaign",
        url=url,
        state_dir=folder,
        security_policy="None",
        publishing_interval_ms=PUBLISHING_MS,
        keep_alive_s=KEEP_ALIVE_S,
        request_timeout_s=2 * KEEP_ALIVE_S,
        reconcile_s=5.0,
    )
    spool = Spool(folder / "spool")
    intake = Intake(spool, Counters(), folder)
    connector = OpcUaConnector(connection, spool, LocalNumbers(), intake)

    def report(state: RunState, error: ConnectorError | None = None) -> None:
        del state
        if error is not None:
            sys.stderr.write(f"{error.message_en}\n")

    running = asyncio.create_task(supervise(connector, report, Backoff(first_s=0.1, limit_s=0.5)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    telling = asyncio.create_task(_tell(intake, connector))
    try:
        await running
    except asyncio.CancelledError:
        return
    finally:
        telling.cancel()
        intake.save()
        spool.close()


async def _tell(intake: Intake, connector: OpcUaConnector) -> None:
    while True:
        last = intake.tracker.last
        line = {
            "oldest": int(last.min(initial=2**62)),
            "signals": len(last),
            "failed": connector.standing.failed,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(_TELL_S)


if __name__ == "__main__":
    configure_logs("WARNING")
    asyncio.run(collect(Path(sys.argv[1]), sys.argv[2]))
