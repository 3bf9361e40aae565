"""How long the store takes to open again after kill -9, with so much log in front of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tundish_deploy.campaigns.load import HOUR_US, batch_within
from tundish_deploy.campaigns.world import new_database, scopes_of
from tundish_deploy.figures import Report, judged
from tundish_deploy.logs import configure_logs
from tundish_platform.store import SealSettings, Telemetry
from tundish_platform.tenancy.metadata import Metadata

_ROWS: Final = 50_000
_SIGNALS: Final = 1000
_MEGABYTE: Final = 1024 * 1024
_NEVER: Final = SealSettings(seal_rows=10**9, memory_bytes=10**12, log_bytes=10**12)


def write_and_die(folder: Path, size: int) -> None:
    """Append until the log has so many bytes, then end as by kill -9; nothing is sealed."""
    metadata = Metadata(f"sqlite:///{new_database(folder / 'metadata.sqlite')}")
    scope = scopes_of()["steel"]
    telemetry = _opened(folder, metadata)
    for hour in count():
        telemetry.append(scope, [batch_within(hour * HOUR_US, HOUR_US, _ROWS, _SIGNALS)])
        if _log_bytes(folder) >= size:
            break
    print(json.dumps({"rows": telemetry.state().rows}), flush=True)  # noqa: T201 - for the parent
    os.kill(os.getpid(), signal.SIGKILL)


def open_again(folder: Path) -> None:
    """Open the store and say how long that took; the program itself is loaded already."""
    metadata = Metadata(f"sqlite:///{folder / 'metadata.sqlite'}")
    begun = time.perf_counter()
    with closing(metadata), closing(_opened(folder, metadata)) as telemetry:
        seconds = time.perf_counter() - begun
        rows = telemetry.state().rows
    print(json.dumps({"seconds": seconds, "rows": rows}))  # noqa: T201 - for the parent


def campaign(megabytes: int) -> Report:
    """Write, die, open again.

    Args:
        megabytes: of log.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        written = _child("write", folder, megabytes)
        size = _log_bytes(folder)
        found = _child("open", folder, 0)
    lost = written["rows"] - found["rows"]
    figures = [
        judged("recovery_s", found["seconds"], "s", "lower"),
        judged("recovery_mb_per_s", size / _MEGABYTE / found["seconds"], "MB/s", "higher"),
        judged("recovery_rows_lost", lost, "1", "lower", bar=0),
    ]
    return Report("campaign recovery", {"log bytes": size, "rows": written["rows"]}, figures)


def _opened(folder: Path, metadata: Metadata) -> Telemetry:
    return Telemetry(folder / "store", metadata, settings=_NEVER, background=False)


def _log_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "store" / "log").glob("*.log"))


def _child(act: str, folder: Path, megabytes: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tundish_deploy.campaigns.recovery", act, str(folder), str(megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - own command
    if not done.stdout:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    configure_logs("CRITICAL")
    if sys.argv[1] == "write":
        write_and_die(Path(sys.argv[2]), int(sys.argv[3]) * _MEGABYTE)
    else:
        open_again(Path(sys.argv[2]))
