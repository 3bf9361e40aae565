"""`tundish metadata` over SQLite; what it finds on PostgreSQL is tried in the platform's own tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from tundish_deploy.commands.metadata import app
from tundish_platform.tenancy.reach import ABOVE_ROLE, TENANT_ROLE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_upgrade_check_and_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    assert run(app, ["upgrade"]).exit_code == 0
    assert (tmp_path / ".tundish" / "data" / "metadata.sqlite").is_file()
    checked = run(app, ["check", "--json"])
    assert (checked.exit_code, json.loads(checked.output)) == (0, {"database": "sqlite", "weak_spots": []})
    assert "no row-level security" in run(app, ["check"]).output
    printed = run(app, ["roles"]).output
    for role in (TENANT_ROLE, ABOVE_ROLE):
        assert f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;" in printed
