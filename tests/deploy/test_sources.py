"""Sources of the settings: options, secrets from files, and what a wrong one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tundish_connectors.connector import ConnectorError
from tundish_connectors.registry import TYPES, connector_type
from tundish_deploy.cli import app
from tundish_deploy.settings import Settings, SettingsError, load_settings
from tundish_deploy.sources import collect_from_source, connector_settings
from tundish_deploy.up import line_parts

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
[[source]]
name = "yard"
type = "http_push"
tenant = "plant"
token_file = "token"

[source.options]
port = 8061
devices = [{ path = "Yard/Scale", open = true }]

[source.secrets]
"devices.0.key" = "scale.key"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tundish.toml").write_text(SOURCE)
    (tmp_path / "scale.key").write_text("the-key-of-the-scale\n")
    (tmp_path / "token").write_text("t")
    return load_settings()


def test_options_and_secrets_make_the_connectors_settings(settings: Settings, tmp_path: Path) -> None:
    (source,) = settings.source
    told = connector_settings(settings, source)
    made = connector_type("http_push").check(told)
    assert (made.name, made.state_dir) == ("yard", settings.data_dir / "edge" / "yard")
    assert told["devices"][0]["key"] == "the-key-of-the-scale"
    assert "key" not in source.options["devices"][0]
    (part,) = line_parts(settings, tmp_path / "tundish.toml")
    assert part.name == "collect-yard"


def test_a_wrong_option_names_its_key_and_never_the_secret(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "scale.key").write_text("short-secret")
    with pytest.raises(ConnectorError, match=r"devices\.0") as caught:
        collect_from_source(settings, settings.source[0])
    assert "short-secret" not in caught.value.message_en
    (tmp_path / "scale.key").unlink()
    with pytest.raises(ConnectorError, match=r"secrets\.devices\.0\.key"):
        collect_from_source(settings, settings.source[0])


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("http_push", "carrier-pigeon"), "source.0.type"),
        (("port = 8061", 'name = "other"'), "source.0"),
        ((SOURCE, SOURCE + SOURCE), "yard is there twice"),
    ],
)
def test_wrong_sources_are_refused_by_name(tmp_path: Path, change: tuple[str, str], key: str) -> None:
    file = tmp_path / "tundish.toml"
    file.write_text(SOURCE.replace(*change))
    with pytest.raises(SettingsError, match=key):
        load_settings(file)


def test_the_command_lists_every_connector_and_describes_one() -> None:
    listed = CliRunner().invoke(app, ["connectors"], env={"COLUMNS": "200"})
    assert all(name in listed.output for name in TYPES)
    described = CliRunner().invoke(app, ["connectors", "modbus"])
    assert '"registers"' in described.output
    assert CliRunner().invoke(app, ["connectors", "pigeon"]).exit_code == 1
