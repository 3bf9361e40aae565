"""`tundish city` over published tables of the test's own; the jobs run here instead of on a cluster."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tundish_analytics.city.cluster import Outcome
from tundish_analytics.models.registry import Registry
from tundish_deploy.commands.city import app
from tundish_platform.assets import upsert_signals
from tundish_platform.migrations.tables import target
from tundish_platform.samples import SampleKind, SignalSpec
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments.delta import DataFile, DeltaTables
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 3, 2)
START = datetime(2026, 3, 2, tzinfo=UTC)
COMMON = ["--scheduler", "tcp://127.0.0.1:1", "--from", "2026-03-02", "--to", "2026-03-02"]


def publish(place: Path, numbers: list[int]) -> None:
    file = place / "numeric" / f"day={DAY}" / "a.parquet"
    file.parent.mkdir(parents=True)
    ts = [START + timedelta(minutes=minute) for minute in range(1440)]
    columns = {
        "signal": pa.array([n for n in numbers for _ in ts], pa.uint32()),
        "ts": pa.array(ts * len(numbers), pa.timestamp("us", "UTC")),
        "value": [float(minute % 60) for _ in numbers for minute in range(1440)],
        "status": pa.array([0] * len(ts) * len(numbers), pa.uint32()),
    }
    pq.write_table(pa.table(columns), file)
    data = DataFile(f"numeric/day={DAY}/a.parquet", 1440, file.stat().st_size, ts[0], ts[-1])
    DeltaTables(LocalFiles()).publish(place, SampleKind.NUMERIC, {DAY: [data]})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tenants; the second one's table names a file that is gone."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / ".tundish" / "data"
    data.mkdir(parents=True)
    metadata = Metadata(f"sqlite:///{data / 'metadata.sqlite'}")
    target.create_all(metadata.engine)
    specs = [
        SignalSpec(path=f"S/A/L/M/C/{n}", name_zh="量", name_en=n, semantic=n, period_s=60.0, step=True)
        for n in ("power", "flow")
    ]
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, slug, slug)
            job = job_principal(session, "test", Role.ANALYST)
            scope = access_tenant(job, slug, Permission.INGEST)
            publish(
                data / "store" / "tenants" / slug, list(upsert_signals(session, scope, "t", specs).values())
            )
    metadata.close()
    (data / "store" / "tenants" / "power" / "numeric" / f"day={DAY}" / "a.parquet").unlink()

    def here(_: object, function: Any, tasks: dict[Any, Any], __: float, tell: Any) -> Outcome[Any, Any]:  # noqa: ANN401
        outcome: Outcome[Any, Any] = Outcome()
        for number, (name, arguments) in enumerate(tasks.items()):
            tell(number + 1, len(tasks))
            try:
                outcome.done[name] = function(*arguments)
            except OSError as error:
                outcome.failed[name] = str(error)
        return outcome

    monkeypatch.setattr("tundish_analytics.city.cluster.connect", lambda _: nullcontext())
    monkeypatch.setattr("tundish_analytics.city.daily.run", here)
    monkeypatch.setattr("tundish_analytics.city.training.run", here)
    return data


def test_each_tenant_finds_its_own_days_in_its_own_folder(installed: Path, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out"), "--zone", "UTC", "--json"]

    result = CliRunner().invoke(app, ["daily", *COMMON, "--tenant", "steel", "--tenant", "power", *out])

    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert shown["done"] == 1
    assert list(shown["failed"]) == ["power"]
    own = pd.read_csv(tmp_path / "out" / "steel" / "daily.csv")
    assert own["mean"].tolist() == pytest.approx([29.5, 29.5])
    assert own["samples"].tolist() == [1440, 1440]
    assert pd.read_csv(tmp_path / "out" / "power" / "daily.csv").empty
    assert pd.read_csv(tmp_path / "out" / "city.csv")["mean"].isna().all()
    assert installed.exists()


def test_models_go_to_the_registry_of_their_tenant(installed: Path) -> None:
    result = CliRunner().invoke(app, ["train", *COMMON, "--tenant", "steel", "--semantic", "power"])

    assert result.exit_code == 0, result.output
    assert "1 done, 0 failed" in result.stdout
    assert "1 of 1 tasks ended" in result.stderr
    assert Registry(installed / "models").versions("steel", "S/A/L/M", "expected-power")


def test_a_tenant_that_is_not_there_is_named(installed: Path) -> None:
    result = CliRunner().invoke(app, ["train", *COMMON, "--tenant", "nobody", "--semantic", "power"])

    assert result.exit_code == 1
    assert "nobody" in result.output
    assert not (installed / "models").exists()
