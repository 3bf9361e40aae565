"""Each setting that is not safe in the open keeps the platform from starting, and says what to do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w

from tundish_deploy.demo.accounts import make_accounts
from tundish_deploy.demo.state import DemoState
from tundish_deploy.newinstall import make_installation
from tundish_deploy.safety import demo_people, is_public, told, unsafe
from tundish_deploy.settings import SettingsError, load_settings
from tundish_deploy.up import StartError, first_start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

RANDOM = "kQ7vZ2mX9pL4wR8tY3nB6cF1dH5jG0sA"


@pytest.fixture
def safe(tmp_path: Path) -> dict[str, Any]:
    """Settings that may be in the open, as `tundish init` writes them."""
    folder = tmp_path / "new"
    make_installation(folder, "en", "https://tundish.example", 8050)
    return {
        "data_dir": str(folder / "data"),
        "keys_dir": str(folder / "secrets"),
        "server": {"behind_tls": True, "proxy": "127.0.0.1"},
        "people": {"origin": "https://tundish.example", "key_file": str(folder / "secrets" / "people.key")},
    }


def written(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "tundish.toml"
    file.touch(mode=0o600)
    file.write_text(tomli_w.dumps(values))
    return file


def refused(folder: Path, values: dict[str, Any]) -> list[str]:
    file = written(folder, values)
    found = unsafe(load_settings(file), file)
    # Whoever reads the refusal is told in both languages, and told what to do.
    assert all(len(one.zh) > 15 and len(one.en) > 40 for one in found)
    return [one.setting for one in found]


def secret_file(folder: Path, text: str) -> str:
    path = folder / "a.secret"
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def changed(values: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    section, _, name = key.rpartition(".")
    if section:
        return values | {section: values.get(section, {}) | {name: value}}
    return values | {name: value}


def test_safe_settings_are_refused_nothing(tmp_path: Path, safe: dict[str, Any]) -> None:
    assert refused(tmp_path, safe) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.behind_tls", False),
        ("server.proxy", None),
        ("people.origin", "http://tundish.example"),
        ("people.origin", "https://localhost"),
        ("people.key_file", None),
        ("log_level", "DEBUG"),
        ("log_level", "debug"),
        ("rule_version", "demo-2026.1"),
        ("metadata_url", "postgresql+psycopg://tundish:tundish@db/tundish"),
        ("metadata_url", "postgresql+psycopg://app:changeme-1234@db/tundish"),
        ("metadata_url", "postgresql+psycopg://app:aaaaaaaaaaaaaaaaaa@db/tundish"),
        ("metadata_owner_url", "postgresql+psycopg://app:postgres@db/tundish"),
    ],
)
def test_each_unsafe_setting_is_named(tmp_path: Path, safe: dict[str, Any], key: str, value: object) -> None:
    values = changed(safe, key, value)
    values = {k: {n: x for n, x in v.items() if x is not None} if isinstance(v, dict) else v
              for k, v in values.items()}  # fmt: skip
    assert refused(tmp_path, values) == [key]


def test_a_random_password_and_a_local_database_log_in_are_accepted(
    tmp_path: Path, safe: dict[str, Any]
) -> None:
    for url in (f"postgresql+psycopg://tundish:{RANDOM}@db/tundish", "postgresql+psycopg:///tundish"):
        assert refused(tmp_path, safe | {"metadata_url": url}) == []


def test_several_servers_on_sqlite(tmp_path: Path, safe: dict[str, Any]) -> None:
    several = changed(safe, "server.processes", 2) | {"store": {"mode": "writer"}}
    assert refused(tmp_path, several) == ["metadata_url"]
    assert refused(tmp_path, several | {"metadata_url": f"postgresql+psycopg://app:{RANDOM}@db/t"}) == []


def test_recordings_that_would_be_taken_for_machines(tmp_path: Path, safe: dict[str, Any]) -> None:
    replay = {"kit": "hydraulic-bench", "port": 14840, "state_dir": "s", "user": "u", "pki_dir": "p",
              "password_file": secret_file(tmp_path, "x")}  # fmt: skip
    assert refused(tmp_path, safe | {"replay": [replay]}) == ["replay"]


@pytest.mark.parametrize(
    "text", ["short", "changeme-changeme-changeme", "a" * 64, "tundish-secret-key-123456", ""]
)
@pytest.mark.parametrize("key", ["worker.token_file", "notices.key_file", "worker.key_file"])
def test_a_default_or_weak_secret(tmp_path: Path, safe: dict[str, Any], key: str, text: str) -> None:
    assert refused(tmp_path, changed(safe, key, secret_file(tmp_path, text))) == [key]
    (tmp_path / "a.secret").write_text(RANDOM)
    assert refused(tmp_path, changed(safe, key, str(tmp_path / "a.secret"))) == []


def test_a_shared_key_that_is_missing_or_weak(tmp_path: Path, safe: dict[str, Any]) -> None:
    (tmp_path / "new" / "secrets" / "session.key").write_text("secret")
    (tmp_path / "new" / "secrets" / "models.key").unlink()
    assert refused(tmp_path, safe) == ["keys_dir (session.key)", "keys_dir (models.key)"]


CONNECTION = {"name": "press", "tenant": "steel", "url": "opc.tcp://192.0.2.1:4840"}
SOURCE = {"name": "push", "type": "http_push", "tenant": "steel"}


@pytest.mark.parametrize(
    ("key", "tables"),
    [
        ("worker.token_file", {"worker": {"token_file": "F"}}),
        ("connection.0.token_file", {"connection": [CONNECTION | {"token_file": "F"}]}),
        ("connection.0.private_key", {"connection": [CONNECTION | {"token_file": "t", "private_key": "F"}]}),
        ("source.0.secrets.a.0.key", {"source": [SOURCE | {"token_file": "t", "secrets": {"a.0.key": "F"}}]}),
        ("source.0.secrets.pin", {"source": [SOURCE | {"token_file": "t", "secrets": {"pin": "F"}}]}),
        ("people.provider.0.client_secret_file", {"people": {"provider": [{"client_secret_file": "F"}]}}),
        ("metadata_url_file", {"metadata_url_file": "F"}),
    ],
)  # fmt: skip
def test_a_secret_that_every_user_of_the_machine_can_read(
    tmp_path: Path, safe: dict[str, Any], key: str, tables: dict[str, Any]
) -> None:
    file = secret_file(tmp_path, RANDOM)
    whole = {name: (safe.get(name, {}) | table if isinstance(table, dict) else table)
             for name, table in _filled(tables, file).items()}  # fmt: skip
    assert refused(tmp_path, safe | whole) == []
    (tmp_path / "a.secret").chmod(0o644)
    assert refused(tmp_path, safe | whole) == [key]


def _filled(value: Any, file: str) -> Any:  # noqa: ANN401 - tables as TOML has them
    if isinstance(value, dict):
        return {key: _filled(one, file) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, file) for one in value]
    return file if value == "F" else value


def test_settings_that_every_user_of_the_machine_can_read(tmp_path: Path, safe: dict[str, Any]) -> None:
    file = written(tmp_path, safe)
    file.chmod(0o604)
    # As a container has them: they name secrets and hold none.
    assert unsafe(load_settings(file), file) == []
    for secret in (
        {"metadata_url": f"postgresql+psycopg://app:{RANDOM}@db/t"},
        {"people": safe["people"] | {"provider": [{"name": "x", "client_secret": RANDOM}]}},
        {"source": [SOURCE | {"token_file": "t", "options": {"devices": [{"key": RANDOM}]}}]},
    ):
        _world_readable(tmp_path, safe | secret)


def _world_readable(folder: Path, values: dict[str, Any]) -> None:
    file = written(folder, values)
    file.chmod(0o604)
    assert [one.setting for one in unsafe(load_settings(file), file)] == ["--settings"]
    assert f"chmod o= {file}" in told(unsafe(load_settings(file), file))


@pytest.mark.parametrize(
    ("tables", "public"),
    [
        ({}, False),
        ({"people": {"origin": "http://localhost:8050"}}, False),
        ({"people": {"origin": "https://tundish.example"}}, True),
        ({"server": {"behind_tls": True}}, True),
        ({"server": {"host": "0.0.0.0", "behind_tls": True}}, True),  # noqa: S104 - that is the point
    ],
)
def test_who_is_in_the_open(tmp_path: Path, tables: dict[str, Any], *, public: bool) -> None:
    settings = load_settings(written(tmp_path, tables | {"log_level": "DEBUG"}))
    assert is_public(settings) is public
    assert bool(unsafe(settings, None)) is public


def test_the_people_of_a_demonstration_stay_at_home(
    tmp_path: Path, safe: dict[str, Any], sqlite_at: Callable[[Path], Metadata]
) -> None:
    (tmp_path / "new" / "data").mkdir()
    metadata = sqlite_at(tmp_path / "new" / "data" / "metadata.sqlite")
    assert demo_people(metadata) == []
    state = DemoState.open(tmp_path / "demo", 60)
    settings = load_settings(written(tmp_path, safe))
    make_accounts(state, settings.database)
    (found,) = demo_people(metadata)
    assert "power-owner" in found.en
    metadata.close()
    with pytest.raises(StartError, match="power-owner"):
        first_start(settings, lambda _text: None)
    at_home = load_settings(written(tmp_path, {"data_dir": safe["data_dir"]}))
    first_start(at_home, lambda _text: None)


@pytest.mark.integration
@pytest.mark.parametrize("part", [["up"], ["part", "server"]])
def test_the_commands_refuse_before_they_make_anything(
    tmp_path: Path, safe: dict[str, Any], part: list[str]
) -> None:
    file = written(tmp_path, safe | {"log_level": "DEBUG"})
    command = [sys.executable, "-m", "tundish_deploy", *part, "--settings", str(file)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 1
    assert "log_level: 调试日志" in answer.stderr
    assert not (tmp_path / "new" / "data").exists()


def test_an_address_for_other_machines_is_encrypted_or_asked_for(tmp_path: Path) -> None:
    plain = {"server": {"address": "http://tundish:8050"}}
    with pytest.raises(SettingsError, match="clear text"):
        load_settings(written(tmp_path, plain))
    meant = load_settings(written(tmp_path, changed(plain, "server.allow_insecure", value=True)))
    assert meant.server.reached == "http://tundish:8050"
    far = load_settings(written(tmp_path, {"server": {"address": "https://tundish.example/", "port": 8051}}))
    assert (far.server.reached, far.server.url) == ("https://tundish.example", "http://127.0.0.1:8051")
    assert load_settings(written(tmp_path, {})).server.reached == "http://127.0.0.1:8050"


def test_an_address_of_the_database_comes_from_one_place(tmp_path: Path) -> None:
    file = secret_file(tmp_path, "postgresql+psycopg://u:p@h/d\n")
    settings = load_settings(written(tmp_path, {"metadata_url_file": file}))
    assert settings.database == settings.owner_database == "postgresql+psycopg://u:p@h/d"
    both = {"metadata_url_file": file, "metadata_url": "postgresql+psycopg://u:canary@h/d"}
    with pytest.raises(SettingsError, match="both set") as caught:
        load_settings(written(tmp_path, both))
    # What is wrong with a table is told without what else stands in it.
    assert "canary" not in str(caught.value)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(written(tmp_path, {"metadata_owner_url_file": str(tmp_path / "nothing")}))
