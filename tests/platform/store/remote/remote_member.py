"""Run by tests as a process of its own: uses a store through its writer's socket, as told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store import StoreFailed
from tundish_platform.store.remote.client import RemoteTelemetry
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = SCHEMAS[SampleKind.NUMERIC]


def batch(signal: int, first: int, rows: int) -> SampleBatch:
    seconds = range(first, first + rows)
    columns = [
        pa.array([signal] * rows, pa.uint32()),
        pa.array([START + timedelta(seconds=n) for n in seconds], SCHEMA.field("ts").type),
        pa.array([float(n) for n in seconds]),
        pa.array([0] * rows, pa.uint32()),
    ]
    return SampleBatch(SampleKind.NUMERIC, pa.table(columns, schema=SCHEMA), START)


class Member:
    def __init__(self, root: Path, url: str, tenant: int, answer_s: float) -> None:
        self.telemetry = RemoteTelemetry(root, Metadata(url), answer_s=answer_s)
        who = Principal(1, "member", {"steel": (tenant, frozenset({Role.ANALYST}))})
        self.scope = access_tenant(who, "steel", Permission.READ)

    def append(self, signal: int, first: int, rows: int) -> int:
        return self.telemetry.append(self.scope, [batch(signal, first, rows)])

    def refusal(self, signal: int) -> str:
        try:
            self.append(signal, 0, 1)
        except StoreFailed as error:
            return type(error).__name__
        return ""

    def stream(self, signal: int, rows: int, batches: int) -> dict[str, int]:
        """Append like a spool: the same batch again until it is acknowledged; how often it was not."""
        pipe: Connection = globals()["PIPE"]
        refused = 0
        for first in range(0, rows * batches, rows):
            while True:
                try:
                    self.append(signal, first, rows)
                    break
                except StoreFailed:
                    refused += 1
                    time.sleep(0.01)
            pipe.send({"acknowledged": first + rows})
        return {"done": rows * batches, "refused": refused}

    def values(self, signal: int) -> dict[str, object]:
        with self.telemetry.freshness() as seen:
            table = self.telemetry.read(self.scope, [signal], START, START.replace(year=2100))
        return {"values": table["value"].to_pylist(), "buffered": seen.buffered}

    def latest(self) -> list[float]:
        return self.telemetry.latest(self.scope)["value"].to_pylist()

    def seal(self) -> bool:
        self.telemetry.seal()
        return True

    def ready(self) -> bool:
        return self.telemetry.ready


def work(pipe: Connection, member: Member) -> None:
    while True:
        order = pipe.recv()
        pipe.send(getattr(member, order.pop("do"))(**order))


work(globals()["PIPE"], Member(*globals()["ARGUMENTS"]))
