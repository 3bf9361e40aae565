"""Process values of pieces over genealogy and time, from a real platform, and nothing from later."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from waitress import wasyncore
from waitress.server import create_server

from tundish_analytics.quality import piece_table
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

TENANT = "steel"
START = datetime(2026, 3, 1, tzinfo=UTC)
CASTER, MILL = "W/Casting/CC1", "W/Rolling/HSM1"
LEVEL, FORCE = f"{CASTER}/Mould/Temperature", f"{MILL}/F7/Force"
pytestmark = pytest.mark.integration


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def client(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[Client]:
    metadata = sqlite_at(tmp_path / "metadata.sqlite")
    with metadata.session() as session:
        create_tenant(session, TENANT, "钢", "Steel")
        roles = [Role.OWNER, Role.ENGINEER, Role.COLLECTOR]
        token = create_token(session, "all", {TENANT: roles})
    telemetry = Telemetry(tmp_path / "store", metadata)
    sockets: dict[int, object] = {}
    app = create_app(PlatformContext(metadata, telemetry, Catalogue()))
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=4)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    with Client(f"http://127.0.0.1:{server.effective_port}", token) as opened:
        yield opened
    stopped.set()
    thread.join(timeout=60)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)
    telemetry.close()
    metadata.close()


def send(client: Client) -> dict[str, int]:
    """A value a minute for an hour on either machine: the minute at the caster, minus it at the mill."""
    words = {"name_zh": "信号", "name_en": "Signal", "semantic": "temperature", "unit": "Cel"}
    specs = [SignalSpec(path=path, period_s=60, **words) for path in (LEVEL, FORCE)]
    numbers = client.put_signals(TENANT, "plant", specs)
    minutes = np.arange(60)
    schema = SCHEMAS[SampleKind.NUMERIC]
    for path, sign in ((LEVEL, 1.0), (FORCE, -1.0)):
        columns = {
            "signal": np.full(60, numbers[path]),
            "ts": (int(START.timestamp()) + 60 * minutes) * 1_000_000,
            "value": sign * minutes,
            "status": np.zeros(60, np.int64),
        }
        table = pa.table([pa.array(columns[field.name]).cast(field.type) for field in schema], schema=schema)
        client.ingest(TENANT, [SampleBatch(SampleKind.NUMERIC, table, START)])
    return numbers


def stay(path: str, start: float, end: float) -> dict[str, str]:
    return {"path": path, "starts_at": at(start).isoformat(), "ends_at": at(end).isoformat()}


def declare(client: Client) -> list[int]:
    products = [
        {"kind": "piece", "series": "slab", "number": "S1", "stays": [stay(CASTER, 0, 10)]},
        {"kind": "piece", "series": "coil", "number": "C1", "made_from": [{"series": "slab", "number": "S1"}],
         "stays": [stay(MILL, 30, 40)]},
        {"kind": "piece", "series": "coil", "number": "C2", "stays": [stay(MILL, 50, 55)]},
    ]  # fmt: skip
    return client.put_products(TENANT, products)


def test_a_coil_has_the_values_of_its_slab_and_its_own_and_none_from_later(client: Client) -> None:
    numbers = send(client)
    _, first, second = declare(client)
    table = piece_table(client, TENANT, {first: at(35), second: at(45)})
    assert table.left_out == (second,)
    row = table.values.loc[first]
    assert row[f"slab | {LEVEL} | mean"] == pytest.approx(np.mean(range(10)))
    assert (row[f"coil | {FORCE} | highest"], row[f"coil | {FORCE} | lowest"]) == (-30, -34)
    whole = piece_table(client, TENANT, {first: at(60), second: at(60)})
    assert whole.left_out == ()
    assert whole.values.loc[first, f"coil | {FORCE} | lowest"] == -39
    assert np.isnan(whole.values.loc[second, f"slab | {LEVEL} | mean"])
    some = piece_table(client, TENANT, {first: at(60)}, signals=[numbers[LEVEL]])
    assert {column.split(" | ")[1] for column in some.values.columns} == {LEVEL}
