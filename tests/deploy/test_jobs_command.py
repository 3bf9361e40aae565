"""`tundish jobs`: asks, lists and cancels in one tenant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tundish_deploy.cli import app
from tundish_platform.migrations import upgrade
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("installed")
    (place / "t.toml").write_text(f'data_dir = "{place}"\n')
    metadata = Metadata(f"sqlite:///{place / 'metadata.sqlite'}")
    upgrade(metadata)
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power")
    metadata.close()
    return place


def run(folder: Path, *arguments: str, fails: bool = False) -> str:
    result = CliRunner().invoke(app, ["jobs", *arguments, "--settings", str(folder / "t.toml")])
    assert result.exit_code == (1 if fails else 0), result.output
    return result.output


def told(folder: Path, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(run(folder, *arguments, "--json"))


def test_a_job_is_asked_listed_and_cancelled(folder: Path) -> None:
    asked = told(folder, "ask", "steel", "train", "--line", "S/A/L")
    assert (asked["state"], asked["arguments"]) == ("queued", {"line": "S/A/L"})
    assert asked["asked_by"].startswith("job:tundish-jobs:")
    assert [job["id"] for job in told(folder, "list", "steel")["jobs"]] == [asked["id"]]
    assert told(folder, "list", "power") == {"jobs": []}
    assert "queued" in run(folder, "list", "steel")
    run(folder, "cancel", "power", str(asked["id"]), fails=True)
    assert told(folder, "cancel", "steel", str(asked["id"]))["state"] == "cancelled"


def test_what_cannot_be_is_refused_with_words(folder: Path) -> None:
    assert "line" in run(folder, "ask", "steel", "train", fails=True)
    assert "kind" in run(folder, "ask", "steel", "dance", fails=True)
    assert "no tenant" in run(folder, "ask", "nobody", "train", "--line", "S", fails=True)
    asked = told(folder, "ask", "steel", "train-machines", "--semantic", "power.active", "--days", "2")
    assert asked["arguments"] == {"target": "power.active", "days": 2, "step_minutes": 5}
