"""A writing process that is going to be killed, and a store that acknowledges too early, for the control."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

# Loaded by others at first use, which takes a second; here it is there before the first fork.
import duckdb  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow.parquet  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401

from tundish_deploy.campaigns.client import Client
from tundish_deploy.campaigns.world import scopes_of
from tundish_deploy.logs import configure_logs
from tundish_platform.store import SealSettings, StoreInUse, Telemetry
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from tundish_platform.samples import SampleBatch
    from tundish_platform.tenancy import TenantScope


class LazyTelemetry(Telemetry):
    """Acknowledges at once and appends much later: kill -9 must find it out."""

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> int:
        """Keep batches for later."""
        del scope
        return sum(len(batch) for batch in batches)


class _Journalling(Client):
    """Tells the other side what it is about to send, and that it was acknowledged."""

    journal: Connection

    def deliver(self, telemetry: Telemetry, tenant: str, parts: Sequence[dict[Any, Any]]) -> None:
        self.journal.send(list(parts))
        super().deliver(telemetry, tenant, parts)
        self.journal.send(None)


def write_until_killed(
    folder: Path, seed: str, first: int, journal: Connection, kind: type[Telemetry]
) -> None:
    """Open the store, say so, and write until somebody ends this.

    Args:
        folder: holds ``store`` and ``metadata.sqlite``.
        seed: of what is sent.
        first: values count up from here, so that no two writers send the same.
        journal: gets ``"open"`` or ``"refused"``, then each request's rows, then None once acknowledged.
        kind: `Telemetry`, or `LazyTelemetry` for the control.
    """
    configure_logs("CRITICAL")
    client = _Journalling(scopes_of(), random.Random(seed))  # noqa: S311 - chance, not secrecy
    client.sent = first
    client.journal = journal
    metadata = Metadata(f"sqlite:///{folder / 'metadata.sqlite'}")
    try:
        # Sealed by hand too, because the background looks only every other second.
        settings = SealSettings(seal_rows=100, own_rows=30, seal_after=timedelta(seconds=0.1))
        telemetry = kind(folder / "store", metadata, settings=settings)
    except StoreInUse:
        journal.send("refused")
        return
    journal.send("open")
    while True:
        # A share of kills hits seals, spills and merges.
        if client.chance.random() < 0.1:  # noqa: PLR2004 - one in ten
            client.chance.choice((telemetry.seal, telemetry.spill))()
        client.send(telemetry)
