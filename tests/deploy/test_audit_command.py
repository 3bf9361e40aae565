"""`tundish audit`: over a database of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from tundish_deploy.commands.audit import app
from tundish_platform.audit import record
from tundish_platform.migrations.tables import target
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime.now(UTC)


@pytest.fixture
def metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metadata]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tundish" / "data").mkdir(parents=True)
    found = Metadata(f"sqlite:///{tmp_path / '.tundish' / 'data' / 'metadata.sqlite'}")
    target.create_all(found.engine)
    with found.session() as session:
        for n in range(300, 0, -1):
            record(
                session,
                "li",
                "rule.changed",
                f"rule/{n}",
                tenant="steel",
                now=NOW - timedelta(days=n, hours=-1),
            )
    yield found
    found.close()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments])
    return done.exit_code, done.output


def test_export_anchor_and_verify_and_what_a_hand_in_the_trail_does(metadata: Metadata) -> None:
    code, anchor = run("anchor")
    assert code == 0
    assert run("export", "trail.ndjson") == (0, "300 entries in trail.ndjson\n")
    assert run("export", "trail.ndjson")[0] == 1, "an export is never overwritten"
    for where in ([], ["trail.ndjson"]):
        code, output = run("verify", *where, "--anchor", anchor.strip())
        assert (code, output) == (0, f"300 entries up to {anchor}")
    assert run("verify", "--anchor", "nonsense")[0] == 1
    assert run("verify", "missing.ndjson")[0] == 1
    with metadata.session() as session:
        session.execute(text("UPDATE audit_entry SET actor = 'zhang' WHERE number = 7"))
    code, output = run("verify")
    assert code == 1
    assert "entry 7" in output


def test_a_changed_export_fails(metadata: Metadata, tmp_path: Path) -> None:
    assert metadata
    run("export", "trail.ndjson")
    file = tmp_path / "trail.ndjson"
    file.write_text(file.read_text("utf-8").replace("rule/42", "rule/43", 1), "utf-8")
    code, output = run("verify", "trail.ndjson")
    assert code == 1
    assert "was changed" in output


def test_what_was_let_go_is_no_fault_and_young_entries_stay(metadata: Metadata) -> None:
    assert run("prune", "--days", "10")[0] == 1
    assert metadata
    code, output = run("prune", "--days", "181")
    assert (code, output) == (0, "119 entries removed\n")
    assert run("verify")[0] == 0
    assert run("export", "rest.ndjson")[0] == 0
    code, output = run("verify", "rest.ndjson")
    assert code == 1
    assert "--anchor 119:" in output
