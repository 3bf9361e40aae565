from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyotp
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from tundish_deploy.cli import app
from tundish_deploy.people import people_settings
from tundish_deploy.settings import SettingsError, load_settings
from tundish_platform.people.factors import confirm, enrol, factor_state
from tundish_platform.people.invitations import look_at
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_user
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

PROVIDER = """
[[people.provider]]
name = "city"
label_zh = "市统一身份"
label_en = "the city's identity"
issuer = "https://id.example"
client_id = "tundish"
client_secret_file = "{file}"
"""


def run(folder: Path, *arguments: str, fails: bool = False) -> str:
    result = CliRunner().invoke(app, ["person", *arguments, "--settings", str(folder / "t.toml")])
    assert result.exit_code == (1 if fails else 0), result.output
    return result.output


@pytest.fixture
def metadata(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[Metadata]:
    (tmp_path / "t.toml").write_text(f'data_dir = "{tmp_path}"\n[people]\norigin = "https://t.example"\n')
    one = sqlite_at(tmp_path / "metadata.sqlite")
    with one.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_user(session, "li", "李", "a long password", {"steel": [Role.OWNER]})
    yield one
    one.close()


def test_an_invitation_s_address_is_printed_and_opens_the_tenant(tmp_path: Path, metadata: Metadata) -> None:
    said = run(tmp_path, "invite", "steel", "w@x", "--role", "viewer", "--role", "engineer@S/A/L1")
    found = re.search(r"https://t\.example/invitation/(tni_\S+)", said)
    assert found
    with metadata.session() as session:
        assert look_at(session, found[1], utc_now()).tenant == "steel"
    run(tmp_path, "invite", "nowhere", "w@x", "--role", "viewer", fails=True)
    assert "role" in run(tmp_path, "invite", "steel", "w@x", "--role", "bureau_officer", fails=True)


def test_a_lost_second_factor_is_reset_once(tmp_path: Path, metadata: Metadata) -> None:
    key = tmp_path / "factor.key"
    CliRunner().invoke(app, ["person", "key", str(key)])
    assert key.stat().st_mode & 0o777 == 0o600
    assert CliRunner().invoke(app, ["person", "key", str(key)]).exit_code == 1
    with (tmp_path / "t.toml").open("a") as file:
        file.write(f'key_file = "{key}"\n')
    people, now = people_settings(load_settings(tmp_path / "t.toml")), utc_now()
    with metadata.session() as session:
        secret = enrol(session, people, 1, now).secret
        confirm(session, people, 1, pyotp.TOTP(secret).at(now), now)
    run(tmp_path, "reset-factor", " LI ")
    with metadata.session() as session:
        assert not factor_state(session, 1).confirmed
    run(tmp_path, "reset-factor", "li", fails=True)
    run(tmp_path, "reset-factor", "nobody", fails=True)


def test_secrets_come_from_files_or_the_environment_and_stand_in_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "client").write_text("very-secret\n")
    settings = tmp_path / "t.toml"
    settings.write_text(PROVIDER.format(file=tmp_path / "client"))
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("TUNDISH_PEOPLE__KEY", key)
    found = people_settings(load_settings(settings))
    assert found.key is not None
    assert found.key.get_secret_value() == key
    secret = found.providers[0].client_secret
    assert secret is not None
    assert secret.get_secret_value() == "very-secret"
    assert "very-secret" not in repr(found)
    assert found.origin == "http://localhost:8050"
    monkeypatch.setenv("TUNDISH_PEOPLE__KEY", "not-a-key-but-secret")
    with pytest.raises(SettingsError, match=r"people\.key: must be a Fernet key") as caught:
        people_settings(load_settings(settings))
    assert "not-a-key-but-secret" not in str(caught.value)
    monkeypatch.delenv("TUNDISH_PEOPLE__KEY")
    settings.write_text(PROVIDER.format(file=tmp_path / "missing"))
    with pytest.raises(SettingsError, match="cannot be read"):
        people_settings(load_settings(settings))
    settings.write_text(PROVIDER.format(file=tmp_path / "client").replace("https://", "http://"))
    with pytest.raises(SettingsError, match="https"):
        people_settings(load_settings(settings))
