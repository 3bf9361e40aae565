"""The command as a person or a script runs it."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def tundish(*arguments: str, folder: Path, within: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tundish_deploy", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


def test_version(tmp_path: Path) -> None:
    assert tundish("version", folder=tmp_path).stdout.strip() == version("tundish")


def test_a_benchmark_prints_exactly_one_json_object(tmp_path: Path) -> None:
    arguments = ("--rows", "100000", "--peers", "none", "--tenants", "20", "--minutes", "0.01")
    answer = tundish("bench", "store", *arguments, "--json", folder=tmp_path, within=600)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert set(report) == {"name", "commit", "conditions", "figures"}
    figure = next(f for f in report["figures"] if f["name"] == "ingest_rows_per_s")
    assert set(figure) == {"name", "value", "unit", "better", "bar", "holds", "peers", "low", "high"}
    assert figure["value"] > 0
    assert report["conditions"]["peers left out"] == ["victoriametrics", "influxdb", "postgres", "duckdb"]
    names = {figure["name"] for figure in report["figures"]}
    assert {"bytes_per_row", "latest_1000_ms", "grid_20x24h_cold_ms", "tenants_startup_s"} <= names


def test_a_wrong_setting_ends_the_start_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "tundish.toml").write_text("[server]\nport = 'high'\n", "utf-8")
    answer = tundish("up", folder=tmp_path)
    assert answer.returncode == 1
    assert "server.port" in answer.stderr


def test_the_doctor_names_a_closed_port_in_both_languages(tmp_path: Path) -> None:
    for language, word in (("zh", "端口"), ("en", "port")):
        answer = tundish("doctor", "opc.tcp://127.0.0.1:9", "--lang", language, folder=tmp_path)
        assert answer.returncode == 1
        assert word in answer.stdout


def test_the_doctor_as_json_is_one_object(tmp_path: Path) -> None:
    answer = tundish("doctor", "opc.tcp://127.0.0.1:9", "--json", folder=tmp_path)
    found = {finding["check"]: finding["ok"] for finding in json.loads(answer.stdout)["findings"]}
    assert found["name"] is True
    assert found["port"] is False


def test_a_tenant_is_made_once_with_secrets_of_its_own(tmp_path: Path) -> None:
    arguments = ("tenant", "add", "press-shop", "--name-zh", "冲压", "--name-en", "Press shop")
    first = tundish(*arguments, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "tnd_" in first.stdout
    second = tundish(*arguments, folder=tmp_path)
    assert second.returncode == 1
    assert "press-shop was not made" in second.stderr
