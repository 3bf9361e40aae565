"""The plant that the pages show: a line of twenty signals with history, and a source that goes on."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pyarrow as pa

from tundish_platform.assets import upsert_signals
from tundish_platform.migrations import upgrade
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import check_token, create_tenant, create_token, create_user
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TENANT: Final = "bench-plant"
LOGIN: Final = "manager"
PASSWORD: Final = "tundish-bench-2026"  # noqa: S105 - of a plant that is thrown away
SIGNALS: Final = 20
# As many as a person may have open, less those of the browsers.
PAGES_A_PERSON: Final = 10
# Its values are whole numbers that say which of the changes has come through.
COUNTED: Final = "Works/Shop/L1/M00/C/Counter"
_QUANTITIES: Final = (
    ("Pressure", "压力", "pressure.hydraulic", "bar"),
    ("Temperature", "温度", "temperature.bearing", "Cel"),
    ("Vibration", "振动", "vibration.velocity.rms", "mm/s"),
    ("Flow", "流量", "flow.hydraulic", "L/min"),
)
_ROWS_A_BATCH: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Plant:
    """What was made.

    Attributes:
        token: of its source.
        ids: numbers of its signals, the counted one first.
        newest: source time of the last sample of history.
    """

    token: str
    ids: Sequence[int]
    newest: datetime


def watchers(viewers: int) -> list[str]:
    """Log-ins of the people behind so many viewers, a few pages each."""
    return [f"watcher-{number}" for number in range(-(-viewers // PAGES_A_PERSON))]


def found_plant(data: Path, url: str, rows: int, viewers: int = 0) -> Plant:
    """Make the plant with so many rows of history, one sample a signal and second, ending now.

    Args:
        data: the server's data folder.
        url: of the metadata database.
        rows: of all signals together.
        viewers: beside the browsers, for whom there are people.
    """
    metadata = Metadata(url)
    upgrade(metadata)
    with metadata.session() as session:
        create_tenant(session, TENANT, "基准工厂", "Bench plant", "Asia/Shanghai")
        create_user(session, LOGIN, "Bench Manager", PASSWORD, {TENANT: [Role.PLANT_MANAGER]})
        for login in watchers(viewers):
            create_user(session, login, login, PASSWORD, {TENANT: [Role.PLANT_MANAGER]})
        token = create_token(session, "source", {TENANT: [Role.COLLECTOR]})
        scope = access_tenant(check_token(session, token), TENANT, Permission.INGEST)
        ids = list(upsert_signals(session, scope, "bench-source", list(_specs())).values())
    end = datetime.now(UTC).replace(microsecond=0)
    telemetry = Telemetry(data / "store", metadata)
    steps, each = rows // SIGNALS, _ROWS_A_BATCH // SIGNALS
    rng = np.random.default_rng(20260101)
    for first in range(0, steps, each):
        count = min(each, steps - first)
        start = end - timedelta(seconds=steps - first)
        telemetry.append(scope, [SampleBatch(SampleKind.NUMERIC, _history(ids, start, count, rng), end)])
    telemetry.seal()
    telemetry.close()
    metadata.close()
    return Plant(token, ids, end - timedelta(seconds=1))


def _specs() -> Iterator[SignalSpec]:
    yield SignalSpec(
        path=COUNTED, name_zh="计数", name_en="Counter", semantic="count.cycle", unit="1", period_s=1.0
    )
    for n in range(SIGNALS - 1):
        leaf, zh, semantic, unit = _QUANTITIES[n % len(_QUANTITIES)]
        yield SignalSpec(
            path=f"Works/Shop/L1/M{n:02}/C/{leaf}", name_zh=f"{zh} {n}", name_en=f"{leaf} {n}",
            semantic=semantic, unit=unit, period_s=1.0,
        )  # fmt: skip


def _history(ids: Sequence[int], start: datetime, steps: int, rng: np.random.Generator) -> pa.Table:
    walks = 100 + np.cumsum(np.round(rng.normal(0, 0.05, (steps, len(ids))), 2), axis=0)
    walks[:, 0] = 0
    seconds = np.datetime64(start.replace(tzinfo=None), "us") + np.arange(steps).astype("timedelta64[s]")
    count = steps * len(ids)
    columns = [
        pa.array(np.tile(np.asarray(ids, dtype=np.uint32), steps)),
        pa.array(np.repeat(seconds, len(ids)), pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
        pa.array(np.round(walks, 2).ravel()),
        pa.array(np.zeros(count, dtype=np.uint32)),
    ]
    schema = SCHEMAS[SampleKind.NUMERIC]
    return pa.table([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


class Source:
    """Sends a sample of every signal each second, the counted one with the number of the change.

    Args:
        url: of the server.
        plant: whose signals.
    """

    def __init__(self, url: str, plant: Plant) -> None:
        self._url, self._plant = url, plant
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent: dict[int, float] = {}
        """By number, when the change happened at the source: seconds since 1970.

        A source does not wait for who collects it: what could be sent late only was due all the same.
        """

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        number, following = 1, time.time()
        with Client(self._url, self._plant.token) as client:
            while not self._stopped.wait(max(0.0, following - time.time())):
                now = datetime.now(UTC)
                self.sent[number] = following
                client.ingest(TENANT, [SampleBatch(SampleKind.NUMERIC, self._second(now, number), now)])
                number, following = number + 1, following + 1.0

    def _second(self, now: datetime, number: int) -> pa.Table:
        ids = self._plant.ids
        values = [float(number), *(100.0 + (number * 7 + n) % 13 for n in range(len(ids) - 1))]
        schema = SCHEMAS[SampleKind.NUMERIC]
        columns = [ids, [now] * len(ids), values, [0] * len(ids)]
        return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
