"""The writer as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from tundish_platform.store.remote.server import WriterSocket
from tundish_platform.store.remote.service import WriterService
from tundish_platform.store.telemetry import Telemetry
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tundish_platform.store.remote.server import Limits

log = structlog.get_logger(__name__)


def run_writer(
    root: Path,
    metadata_url: str,
    settings: Mapping[str, Any],
    stopped: threading.Event,
    *,
    limits: Limits | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Write to a store for all processes of this machine until told to stop.

    Args:
        root: the store's folder.
        metadata_url: the manifest's database, migrated.
        settings: further arguments of `Telemetry`.
        stopped: set it to stop; what is buffered then lies in the log and comes back at the next start.
        limits: what clients may take.
        started: called once appends are taken.

    Raises:
        StoreInUse: another process writes to this store.
    """
    metadata = Metadata(metadata_url)
    try:
        telemetry = Telemetry(root, metadata.above(Above.STORE), **settings)
        try:
            for problem in telemetry.state().problems:
                log.error("store", problem=problem)
            serve(root, telemetry, stopped, limits=limits, started=started)
        finally:
            telemetry.close()
    finally:
        metadata.close()


def serve(
    root: Path,
    telemetry: Telemetry,
    stopped: threading.Event,
    *,
    limits: Limits | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Answer other processes for a store that this process has open, until told to stop."""
    listening = open_socket(root, telemetry, limits)
    try:
        started()
        while not stopped.wait(0.5):
            pass
    finally:
        listening.close()


def open_socket(root: Path, telemetry: Telemetry, limits: Limits | None = None) -> WriterSocket:
    """Let other processes of this machine append to a store and read its buffer."""
    return WriterSocket(root, WriterService(telemetry), limits)
