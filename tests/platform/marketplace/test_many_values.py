"""A hundred thousand samples into an app and as many values out of it, through the API into the store."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from werkzeug.serving import make_server

from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue, Outcome
from tundish_platform.marketplace.runner import Runner
from tundish_platform.samples import GOOD, SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tundish_platform.marketplace import App
    from tundish_platform.marketplace.forks import ForkServer
    from tundish_platform.tenancy.metadata import Metadata

pytestmark = pytest.mark.integration

ROWS = 100_000
NO_DATA = 0x809B0000
SPEC = SignalSpec(
    path="S/A/L/M/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.oil", period_s=0.005
)
DOUBLE = """
from tundish_platform.sdk import output_column
times, values = inputs.good(inputs.found("any")[0])
doubled = 2.0 * values
doubled[::1000] = float("nan")
return AppOutputs(columns=(output_column("number", times, doubled),))
"""


@pytest.fixture
def doubling(make_app: Callable[..., App], tmp_path: Path) -> Catalogue:
    """A catalogue with one app that doubles what it reads, and may hand back two megabytes."""
    app = make_app(DOUBLE, "double")
    manifest = app.folder / "app.toml"
    text = manifest.read_text("utf-8").replace("output_bytes = 65536", "output_bytes = 2000000")
    manifest.write_text(text, "utf-8")
    return Catalogue.find(tmp_path / "shelf", installed=False)


@pytest.fixture
def clients(
    doubling: Catalogue, new_sqlite: Callable[[], Metadata], tmp_path: Path
) -> Iterator[Callable[[Role], Client]]:
    metadata = new_sqlite()
    telemetry = Telemetry(tmp_path / "store", metadata)
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        roles = (Role.OWNER, Role.COLLECTOR, Role.ANALYST)
        tokens = {role: create_token(session, role, {"steel": [role]}) for role in roles}
    app = create_app(PlatformContext(metadata, telemetry, doubling))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield lambda role: Client(f"http://127.0.0.1:{server.server_port}", tokens[role])
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()
    telemetry.close()


def test_every_row_goes_in_and_every_value_is_stored(
    clients: Callable[[Role], Client], doubling: Catalogue, forks: ForkServer
) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    with clients(Role.COLLECTOR) as collector:
        number = collector.put_signals("steel", "opc", [SPEC])[SPEC.path]
        collector.ingest("steel", [samples(number, start)])
    with clients(Role.OWNER) as owner, clients(Role.ANALYST) as worker:
        owner.subscribe("steel", "double")
        (run,) = Runner(worker, doubling, forks=forks).run_due("steel")
        assert (run.outcome, run.rows_in, run.values_out) == (Outcome.OK, ROWS, ROWS), run.message_en
        written = next(one for one in owner.signals("steel") if one.semantic == "app.double.number")
        table = owner.samples("steel", [written.id], start, start + timedelta(minutes=20))
    assert table.num_rows == ROWS
    status = table["status"].to_numpy()
    assert set(status[::1000].tolist()) == {NO_DATA}
    assert (status == GOOD).sum() == ROWS - ROWS // 1000
    values = table["value"].to_numpy()
    assert np.array_equal(values[status == GOOD], 2.0 * np.arange(ROWS)[status == GOOD])


def samples(number: int, start: datetime) -> SampleBatch:
    """As many rows as promised, 5 ms apart."""
    schema = SCHEMAS[SampleKind.NUMERIC]
    micros = int(start.timestamp() * 1e6) + 5_000 * np.arange(ROWS)
    columns = [
        np.full(ROWS, number, np.uint32), micros.astype("datetime64[us]"), np.arange(ROWS, dtype=float),
        np.zeros(ROWS, np.uint32),
    ]  # fmt: skip
    arrays = [pa.array(one).cast(field.type) for one, field in zip(columns, schema, strict=True)]
    return SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=schema), datetime.now(UTC))
