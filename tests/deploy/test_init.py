"""`tundish init`: what it writes is private, loads, starts, and is never written over."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import ValidationError

from tundish_analytics.models.signing import Signer
from tundish_deploy.newinstall import LANGUAGES, Exists, make_installation, settings_text
from tundish_deploy.people import people_settings
from tundish_deploy.safety import unsafe
from tundish_deploy.settings import Settings, load_settings
from tundish_platform.store.testing.ports import free_ports

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "https://tundish.example"


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("origin", [None, ORIGIN])
def test_the_settings_load_and_are_safe(tmp_path: Path, language: str, origin: str | None) -> None:
    file = make_installation(tmp_path / "new", language, origin, 8123)
    settings = load_settings(file)
    assert (settings.server.port, settings.server.behind_tls) == (8123, origin is not None)
    assert settings.people.origin == (origin or "http://localhost:8123")
    assert settings.data_dir == tmp_path / "new" / "data"
    assert people_settings(settings).key is not None
    assert Signer.kept(settings.key("models")).name
    assert unsafe(settings, file) == []


def test_nobody_else_can_read_what_is_made(tmp_path: Path) -> None:
    make_installation(tmp_path / "new", "zh", None, 8050)
    found = [tmp_path / "new", tmp_path / "new" / "secrets", *files_below(tmp_path)]
    assert len(found) == 9
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in found} == {0}


def test_no_secret_is_made_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_installation(tmp_path / name, "en", None, 8050)
    secrets = [path.read_text() for path in files_below(tmp_path) if path.suffix == ".key"]
    assert len(set(secrets)) == 12


def test_data_may_lie_elsewhere_and_never_over_what_is_there(tmp_path: Path) -> None:
    file = make_installation(tmp_path / "new", "en", None, 8050, tmp_path / "far" / "data")
    assert load_settings(file).data_dir == tmp_path / "far" / "data"
    assert not (tmp_path / "far").exists()
    with pytest.raises(Exists, match="new"):
        make_installation(tmp_path / "other", "en", None, 8050, tmp_path / "new")
    assert not (tmp_path / "other" / "tundish.toml").exists()


@pytest.mark.parametrize("name", ["tundish.toml", "secrets/people.key", "secrets/session.key", "data/x"])
def test_what_exists_is_never_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(Exists):
        make_installation(tmp_path, "en", None, 8050)
    assert [(path.relative_to(tmp_path).as_posix(), path.read_text()) for path in files_below(tmp_path)] == [
        (name, "mine")
    ]


def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "tundish.toml").symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(Exists):
        make_installation(tmp_path / "new", "en", None, 8050)
    assert not (tmp_path / "elsewhere.toml").exists()


@pytest.mark.parametrize("origin", ["http://tundish.example", "tundish.example", "https://a.example/path"])
def test_an_address_that_is_not_https_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ValueError, match="https"):
        make_installation(tmp_path / "new", "en", origin, 8050)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_that_is_commented_out_is_one(tmp_path: Path, language: str) -> None:
    """Whoever takes the # away gets a setting that exists; a renamed one fails here."""
    text = settings_text(tmp_path, language, None, 8050, tmp_path / "data")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "metadata.url").write_text("postgresql+psycopg://u:p@h/d")
    lines = [re.sub(r"^# (?=[a-z_]+ = )", "", line) for line in text.splitlines()]
    values = tomllib.loads("\n".join(lines))
    settings = Settings.model_validate(values)
    assert len([line for line in lines if re.match(r"[a-z_]+ = ", line)]) == 20
    assert settings.worker.tenants == ["press-shop"]
    assert settings.metadata_url == "postgresql+psycopg://u:p@h/d"
    with pytest.raises(ValidationError):
        Settings.model_validate(values | {"log_levels": "INFO"})


def test_both_languages_say_the_same(tmp_path: Path) -> None:
    said = [settings_text(tmp_path, language, ORIGIN, 8050, tmp_path) for language in LANGUAGES]
    keys = [re.findall(r"^#? ?([a-z_]+ = .*|\[[a-z]+\])$", text, re.MULTILINE) for text in said]
    assert keys[0] == keys[1]
    assert "设置" in said[0]
    assert "设置" not in said[1]


@pytest.mark.integration
def test_a_new_installation_starts_and_a_second_init_changes_nothing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tundish_deploy"]
    init = [*command, "init", str(tmp_path / "new"), "--port", str(port), "--language", "en"]
    assert subprocess.run(init, capture_output=True, text=True, check=True).stdout.count("tundish.toml") == 3
    before = {path: path.read_bytes() for path in files_below(tmp_path)}
    again = subprocess.run(init, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "已存在" in again.stderr
    assert {path: path.read_bytes() for path in files_below(tmp_path)} == before

    up = [*command, "up", "--settings", str(tmp_path / "new" / "tundish.toml")]
    with subprocess.Popen(up, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if "Tundish runs" in line or "did not come up" in line:
                break
        try:
            health = httpx.get(f"http://127.0.0.1:{port}/api/v1/health", trust_env=False, timeout=60)
            assert health.json()["status"] == "ready", said
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "operator / " in said
    # Keys lie apart from the data, which can so be copied without them.
    assert not list((tmp_path / "new" / "data").glob("*.key"))
