"""The demonstration's set-up, without running it; `make demo-check` runs it."""

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tundish_deploy.demo import run
from tundish_deploy.demo.accounts import make_accounts
from tundish_deploy.demo.layout import demo_settings, make_secrets, replay_config
from tundish_deploy.demo.plan import BUREAU_LOGIN, PLANTS, UNCONNECTED
from tundish_deploy.demo.state import DemoState
from tundish_deploy.lines import delivery, opcua_connection
from tundish_deploy.up import StartError, job_parts, line_parts
from tundish_platform.programme import check_uscc
from tundish_platform.tenancy import AccessDenied, Permission, access_programme, access_tenant
from tundish_platform.tenancy.accounts import check_password, check_token
from tundish_platform.tenancy.metadata import Metadata


@pytest.fixture
def state(tmp_path: Path) -> DemoState:
    made = DemoState.open(tmp_path / "demo", 60.0)
    made.data_dir.mkdir(parents=True)
    make_secrets(made)
    make_accounts(made, demo_settings(made, 8050).database)
    return made


def test_all_codes_are_fictional_and_valid_and_no_two_plants_share_anything() -> None:
    codes = [plant.uscc for plant in PLANTS] + [UNCONNECTED.uscc]
    assert [check_uscc(code, demo=True) for code in codes] == codes
    for unique in ("slug", "uscc", "kit", "port", "manager", "owner"):
        assert len({getattr(plant, unique) for plant in PLANTS}) == len(PLANTS)


def test_every_secret_is_made_here_and_readable_by_its_owner_alone(state: DemoState, tmp_path: Path) -> None:
    other = DemoState.open(tmp_path / "other", 60.0)
    make_secrets(other)
    name = f"opcua-{PLANTS[0].kit}.password"
    assert state.secret(name).read_text("utf-8") != other.secret(name).read_text("utf-8")
    assert len(set(state.logins.values())) == len(state.logins) == 2 * len(PLANTS) + 2
    private = [*state.folder.glob("secrets/*"), state.folder / "demo.json"]
    private += list(state.folder.glob("pki/*/own/private_key.pem"))
    assert len(private) > 2 * len(PLANTS)
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_logins_and_tokens_reach_their_own_tenant_alone(state: DemoState) -> None:
    metadata = Metadata(demo_settings(state, 8050).database)
    with metadata.session() as session:
        manager = check_password(session, PLANTS[0].manager, state.logins[PLANTS[0].manager])
        officer = check_password(session, BUREAU_LOGIN, state.logins[BUREAU_LOGIN])
        collector = check_token(session, state.secret(f"collect-{PLANTS[0].slug}.token").read_text("utf-8"))
    metadata.close()
    access_tenant(manager, PLANTS[0].slug, Permission.READ)
    access_tenant(collector, PLANTS[0].slug, Permission.INGEST)
    access_programme(officer)
    for principal, permission in ((manager, Permission.READ), (collector, Permission.INGEST)):
        with pytest.raises(AccessDenied):
            access_tenant(principal, PLANTS[1].slug, permission)
    with pytest.raises(AccessDenied):
        access_tenant(collector, PLANTS[0].slug, Permission.READ)


def test_the_settings_make_usable_parts(state: DemoState) -> None:
    settings = demo_settings(state, 8050)
    parts = line_parts(settings, state.settings_file) + job_parts(settings, state.settings_file)
    names = [part.name for part in parts]
    assert names[:3] == [f"replay-{plant.kit}" for plant in PLANTS]
    assert names[3:] == [f"collect-{plant.kit}" for plant in PLANTS] + ["worker", "apps", "jobs"]
    for plant, connection in zip(PLANTS, settings.connection, strict=True):
        made = opcua_connection(settings, connection)
        assert made.url == replay_config(state, plant).url
        assert made.security_policy == "Basic256Sha256"
        assert delivery(settings, connection).tenant == plant.slug


def test_a_second_start_keeps_what_the_first_made(state: DemoState) -> None:
    state.imported["plate-line"] = "2026-01-01T00:00:00+00:00"
    state.save()
    again = DemoState.open(state.folder, 30.0)
    assert (again.logins, again.imported, again.accounts) == (state.logins, state.imported, True)
    assert again.speed == 30.0


def test_a_port_that_somebody_has_is_named_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        plant = replace(PLANTS[1], port=other.getsockname()[1])
        monkeypatch.setattr(run, "PLANTS", (plant,))
        demo = run.Demo(tmp_path / "demo", 1, 60.0)
        demo.settings = demo.settings.model_copy(
            update={"server": demo.settings.server.model_copy(update={"port": plant.port})}
        )
        with pytest.raises(StartError, match=rf"{plant.port} \(igbt-ageing\), {plant.port} \(server\)"):
            demo.prepare()
    assert not demo.state.settings_file.exists()
