"""`tundish billing`: over a database of the test's own, with two tenants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from tundish_deploy.commands.billing import app
from tundish_platform.marketplace.billing.models import Statement
from tundish_platform.marketplace.changes import Act, keep_change_of
from tundish_platform.marketplace.models import Subscription
from tundish_platform.migrations.tables import target
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metadata]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tundish" / "data").mkdir(parents=True)
    found = Metadata(f"sqlite:///{tmp_path / '.tundish' / 'data' / 'metadata.sqlite'}")
    target.create_all(found.engine)
    with found.session() as session:
        for slug, fen in (("plant-a", 9900), ("plant-b", 5000)):
            tenant = create_tenant(session, slug, "厂", "Plant")
            row = Subscription(
                tenant_id=tenant.id, app_id="gone", app_version="1.0.0", plan="flat", plan_kind="flat",
                fen=fen, schedule_s=60, window_s=60, parameters={}, started_at=BEGIN, started_by="x",
            )  # fmt: skip
            session.add(row)
            session.flush()
            keep_change_of(session, tenant.id, row.id, Act.STARTED, "x", BEGIN)
    yield found
    found.close()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments])
    return done.exit_code, done.output


def test_statements_are_issued_once_and_a_changed_one_fails_the_reconciliation(metadata: Metadata) -> None:
    assert run("issue", "2026-03", "--tenant", "plant-a") == (
        0, "plant-a 2026-03 no. 1: 99.00 CNY\n1 statements\n"
    )  # fmt: skip
    assert run("issue", "2026-03") == (0, "plant-b 2026-03 no. 1: 50.00 CNY\n1 statements\n")
    assert run("reconcile") == (0, "2 statements compared, 0 differences\n")
    with metadata.session() as session:
        session.execute(update(Statement).where(Statement.total_fen == 5000).values(total_fen=4000))
    code, output = run("reconcile")
    assert code == 1
    assert "plant-b 2026-03: the seal" in output
    assert run("reconcile", "--tenant", "plant-a")[0] == 0


def test_what_cannot_be_issued_is_told(metadata: Metadata) -> None:
    code, output = run("issue", "2999-01")
    assert code == 0
    assert "2999-01 is not over at plant-a" in output
    assert "0 statements" in output
    assert run("issue", "nonsense")[0] == run("issue", "2026-03", "--tenant", "nobody")[0] == 1
    metadata.close()
