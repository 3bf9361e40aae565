"""`tundish store`: the operator's commands over a database and a store of the test's own."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from unittest.mock import patch

import pandas as pd
import pyarrow as pa
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from tundish_deploy.commands.store import app
from tundish_platform.assets import upsert_signals
from tundish_platform.migrations.tables import target
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalSpec
from tundish_platform.store import Telemetry
from tundish_platform.store.lifecycle.tables import RetentionRecord, StorePolicy, TenantRemoval
from tundish_platform.store.segments.manifest import Segment
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

START = datetime(2026, 3, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store-command") / "metadata.sqlite"
    found = Metadata(f"sqlite:///{path}")
    target.create_all(found.engine)
    with found.session() as session:
        create_tenant(session, "steel", "钢", "Steel")
    found.close()
    return path


@pytest.fixture
def metadata(tmp_path: Path, made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metadata]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tundish" / "data").mkdir(parents=True)
    shutil.copy(made_once, tmp_path / ".tundish" / "data" / "metadata.sqlite")
    found = Metadata(f"sqlite:///{tmp_path / '.tundish' / 'data' / 'metadata.sqlite'}")
    yield found
    found.close()


def tundish(*arguments: str) -> Result:
    # In a process of its own the command sends its log to standard error.
    with patch("tundish_deploy.commands.store.configure_logs"), capture_logs():
        return CliRunner().invoke(app, list(arguments))


def test_a_policy_is_set_shown_and_taken_back(metadata: Metadata) -> None:
    answer = tundish("policy", "steel", "--rows-per-s", "50", "--raw-days", "90", "--json")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["burst_rows"] == 3000
    assert tundish("policy", "steel", "--rows-per-s", "default").exit_code == 0
    shown = json.loads(tundish("policy", "steel", "--json").stdout)
    assert (shown["rows_per_s"], shown["raw_days"]) == (None, 90)
    with metadata.session() as session:
        assert session.get_one(StorePolicy, 1).changed_by.startswith("job:tundish-store:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("policy", "nobody"), ("没有租户", "There is no tenant nobody")),
        (("policy", "steel", "--raw-days", "0"), ("无法使用", "raw_days cannot be used")),
        (("policy", "steel", "--raw-days", "9", "--rollup-60-days", "8"), ("不得超过", "longer than")),
        (("hold", "steel"), ("理由", "needs a reason")),
        (("hold", "steel", "--release"), ("没有法律保全", "is not held")),
        (("remove", "steel", "--reason", "x", "--confirm", "stell"), ("必须", "must be steel")),
    ],
)
def test_what_cannot_be_done_is_said_in_both_languages(
    metadata: Metadata, arguments: tuple[str, ...], words: tuple[str, str]
) -> None:
    answer = tundish(*arguments)
    assert answer.exit_code == 1
    # The terminal breaks lines wherever it likes.
    said = re.sub(r"\s+", " ", answer.stderr)
    assert all(word in said for word in words), said
    with metadata.session() as session:
        assert session.query(TenantRemoval).count() == 0


def test_without_a_platform_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = tundish("policy", "steel")
    assert answer.exit_code == 1
    assert "tundish up" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_hold_stops_a_removal_until_it_is_released(metadata: Metadata) -> None:
    assert tundish("hold", "steel", "--reason", "case 7").exit_code == 0
    refused = tundish("remove", "steel", "--reason", "x", "--confirm", "steel")
    assert refused.exit_code == 1
    assert "legal hold" in refused.stderr
    assert json.loads(tundish("retain", "steel", "--json").stdout)["held"] is True
    assert tundish("hold", "steel", "--release").exit_code == 0
    begun = tundish("remove", "steel", "--reason", "x", "--confirm", "steel")
    assert begun.exit_code == 0, begun.output
    with metadata.session() as session:
        row = session.query(TenantRemoval).one()
        assert (row.tenant_id, row.step, row.reason) == (1, "close", "x")
        row.finished_at, row.step, row.receipt = START, "done", {"files": 3}


def test_retention_shows_what_is_kept_and_what_went(metadata: Metadata) -> None:
    tundish("policy", "steel", "--raw-days", "9")
    with metadata.session() as session:
        session.add(
            RetentionRecord(
                tenant_id=1, kind="numeric", day=date(2026, 1, 2), level="raw", rows=5, bytes=50, days=9,
                removed_at=START, pending=["a"], unfinished=True,
            )
        )  # fmt: skip
    report = json.loads(tundish("retain", "steel", "--json").stdout)
    assert report["removed"] == [
        {"kind": "numeric", "level": "raw", "start": "2026-01-02", "end": "2026-01-03", "rows": 5}
    ]
    assert report["files_waiting_for_readers"] == 1
    assert report["first_day_kept"]["raw"] is not None
    assert report["first_day_kept"]["3600"] is None


def fill(metadata: Metadata, telemetry: Telemetry) -> None:
    with metadata.session() as session:
        who = access_tenant(job_principal(session, "test", Role.ANALYST), "steel", Permission.INGEST)
        spec = SignalSpec(path="S/A/L/M/C/V", name_zh="量", name_en="v", semantic="x")
        upsert_signals(session, who, "test", [spec])
    table = pa.table([[1, 1], [START, START], [1.0, 2.0], [0, 0]], schema=SCHEMAS[SampleKind.NUMERIC])
    telemetry.append(who, [SampleBatch(SampleKind.NUMERIC, table, START)])


def test_an_export_holds_what_lay_in_the_log_only(metadata: Metadata, tmp_path: Path) -> None:
    root = tmp_path / ".tundish" / "data" / "store"
    with closing(Telemetry(root, metadata, background=False)) as telemetry:
        fill(metadata, telemetry)
    answer = tundish("export", "steel", "out", "--json")
    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.stdout)
    assert (report["whole"], report["rows"]) == (True, {"numeric": 1})
    assert pd.read_parquet(tmp_path / "out" / "numeric")["value"].tolist() == [2.0]
    assert pd.read_csv(tmp_path / "out" / "signals.csv")["path"].tolist() == ["S/A/L/M/C/V"]
    again = tundish("export", "steel", "out")
    assert again.exit_code == 1
    assert "not empty" in re.sub(r"\s+", " ", again.stderr)
    assert tundish("export", "steel", "out.zip", "--by", "day").exit_code == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {"manifest.json", "numeric/2026-03-30.parquet"} <= set(archive.namelist())


def test_a_damaged_segment_is_named_and_the_rest_comes_out(metadata: Metadata, tmp_path: Path) -> None:
    root = tmp_path / ".tundish" / "data" / "store"
    with closing(Telemetry(root, metadata, background=False)) as telemetry:
        fill(metadata, telemetry)
        telemetry.seal()
    with metadata.session() as session:
        session.query(Segment).update({"damaged": True})
    answer = tundish("export", "steel", "out")
    assert answer.exit_code == 0, answer.output
    assert "Damaged" in answer.stderr
    assert json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["damaged"] != []


def test_beside_a_running_server_an_export_says_what_it_lacks(metadata: Metadata, tmp_path: Path) -> None:
    root = tmp_path / ".tundish" / "data" / "store"
    with closing(Telemetry(root, metadata, background=False)) as telemetry:
        fill(metadata, telemetry)
        answer = tundish("export", "steel", "out")
        assert answer.exit_code == 0, answer.output
        assert "not in this export" in re.sub(r"\s+", " ", answer.stderr)
        assert not (tmp_path / "out" / "numeric").exists()
