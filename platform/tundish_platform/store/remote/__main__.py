"""``python -m tundish_platform.store.remote ROOT METADATA_URL``: a writer by itself, until told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

import structlog

from tundish_platform.store.remote.writer import run_writer
from tundish_platform.store.telemetry import StoreInUse
from tundish_platform.store.write.sealer import SealSettings


def main() -> int:
    """Run the writer; 3 where another process writes already."""
    parser = argparse.ArgumentParser(prog="python -m tundish_platform.store.remote", description=__doc__)
    parser.add_argument("root", type=Path, help="the store's folder")
    parser.add_argument("metadata_url", help="SQLAlchemy URL of the migrated metadata database")
    parser.add_argument("--seal-rows", type=int, default=500_000, help="a buffer of so many rows is sealed")
    given = parser.parse_args()
    # Standard output is for whoever started us.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        run_writer(
            given.root,
            given.metadata_url,
            {"settings": SealSettings(seal_rows=given.seal_rows)},
            stopped,
            started=lambda: print("ready", flush=True),  # noqa: T201 - who started us waits for it
        )
    except StoreInUse as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
