"""Our client as a process of the benchmark: receiving alone, and with everything up to the disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
from asyncua import ua

from tundish_connectors.delivery import Counters
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.connector import open_client
from tundish_connectors.opcua.decode import Column, decode_bodies
from tundish_connectors.opcua.intake import Intake
from tundish_connectors.opcua.pulse import Pulse
from tundish_connectors.opcua.subscription import Subscription
from tundish_connectors.opcua.survey import Desired
from tundish_connectors.spool import Spool
from tundish_deploy.benchmarks.opcua.workload import STATUS_WEIGHT, weigh
from tundish_platform.samples import SampleKind, SignalSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_connectors.opcua.publish import Notification
    from tundish_deploy.benchmarks.opcua.meter import Meter

_ITEMS_A_CALL = 1000
_INTERVAL_MS = 500.0
_PUBLISH_REQUESTS = 10
_TEXT_AT, _ARRAY_EVERY = 8, 100


class _Counting:
    """In the place of `Intake`: decodes into columns and counts, as the peers' callbacks do."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._bodies: list[memoryview] = []

    def take(self, notification: Notification) -> None:
        self._bodies += notification.bodies

    def flush(self) -> bool:
        bodies, self._bodies = self._bodies, []
        count, total = summed(decode_bodies(bodies)) if bodies else (0, 0.0)
        if count:
            self._meter.add(count, total)
        return True


class _Keeping(Intake):
    """The real one: gap tracking, Arrow and fdatasync, with the count taken of what was made durable."""

    def __init__(self, meter: Meter, folder: Path) -> None:
        self._meter = meter
        # Nothing is delivered here, so the spool has to hold the whole run.
        self._kept = Spool(folder / "spool", max_bytes=16 * 1024**3)
        self._counts = Counters()
        super().__init__(self._kept, self._counts, folder)

    def flush(self) -> bool:
        before = self._counts.received
        kept = super().flush()
        if kept and self._counts.received > before:
            self._meter.add(self._counts.received - before, 0.0)
        return kept


def summed(columns: Sequence[Column]) -> tuple[int, float]:
    """How many values columns hold, and the checksum that every client of the benchmark forms."""
    count, total = 0, 0.0
    for column in columns:
        count += len(column.handles)
        total += STATUS_WEIGHT * np.count_nonzero(column.status)
        if isinstance(column.values, np.ndarray):
            total += float(column.values.sum(dtype=np.float64))
        else:
            total += sum(weigh(value, 0) for value in column.values)
    return count, total


def connection(url: str, folder: Path, *, encrypted: bool, name: str = "bench") -> OpcUaConnection:
    """How the benchmark connects to a port of its server."""
    return OpcUaConnection(
        name=name,
        url=url,
        state_dir=folder / name,
        security_policy="Basic256Sha256" if encrypted else "None",
        certificate=folder / "client.der",
        private_key=folder / "client.pem",
        trust=folder / "server.der",
        publishing_interval_ms=_INTERVAL_MS,
        publish_requests=_PUBLISH_REQUESTS,
    )


def desired(items: int, *, mixed: bool, prefix: str = "Site/Area/Line/Machine/Part") -> list[Desired]:
    """Signals for the items of a plan, of the kinds that the workload sends."""
    return [
        Desired(
            SignalSpec(
                path=f"{prefix}/V{at}",
                name_zh=f"V{at}",
                name_en=f"V{at}",
                semantic="unclassified",
                kind=_kind(at) if mixed else SampleKind.NUMERIC,
            ),
            ua.NodeId(ua.Int32(at + 1), ua.Int16(1)),
        )
        for at in range(items)
    ]


def _kind(at: int) -> SampleKind:
    if at % _ARRAY_EVERY == 0:
        return SampleKind.ARRAY
    return SampleKind.TEXT if at % 10 == _TEXT_AT else SampleKind.NUMERIC


async def receive(
    url: str, folder: Path, items: int, meters: Sequence[Meter], options: dict[str, Any]
) -> None:
    """Subscribe on as many servers as there are meters, ports counted up, until all are done."""
    host, _, port = url.rpartition(":")
    clients = [
        _one(f"{host}:{int(port) + at}", folder, items, meter, {**options, "name": f"bench{at}"})
        for at, meter in enumerate(meters)
    ]
    await asyncio.gather(*clients)


async def _one(url: str, folder: Path, items: int, meter: Meter, options: dict[str, Any]) -> None:
    settings = connection(url, folder, encrypted=options["encrypted"], name=options["name"])
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    wanted = desired(items, mixed=options["mixed"])
    intake: Any = _Counting(meter)
    if options["durable"]:
        intake = _Keeping(meter, settings.state_dir)
        intake.bind(wanted, {one.spec.path: at + 1 for at, one in enumerate(wanted)})
    client, session = await open_client(settings)
    meter.begin_setup()
    pulse = Pulse(settings.keep_alive_s, Batching(_ITEMS_A_CALL))
    subscription = Subscription(session, intake, settings, Batching(_ITEMS_A_CALL), pulse)
    await subscription.create()
    await subscription.add([(at, one.node_id) for at, one in enumerate(wanted)])
    meter.end_setup()
    pump = asyncio.create_task(subscription.pump())
    while not meter.done and not pump.done():  # noqa: ASYNC110 - the meter is shared with peers that have threads
        await asyncio.sleep(0.05)
    pump.cancel()
    results = await asyncio.gather(pump, return_exceptions=True)
    client.disconnect_socket()
    if isinstance(results[0], Exception):
        raise results[0]
