"""The compose file, held against the compose specification and against the code that it starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tundish_deploy.commands import metadata
from tundish_deploy.safety import unsafe

if TYPE_CHECKING:
    from conftest import Code

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "TUNDISH_IMAGE" in one["image"]}
SERVERS = {"server-1", "server-2", "keeper"}
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make-secrets.sh` makes, in a copy of the folder."""
    folder = tmp_path_factory.mktemp("compose") / "compose"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("secrets"))
    done = run_script(folder, "tundish.example")
    assert done.returncode == 0, done.stderr
    return folder


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    command = ["bash", str(folder / "make-secrets.sh"), *arguments]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False, timeout=120)


def secret_files(service: dict[str, Any]) -> dict[str, Path]:
    """Where a service finds which file of the folder."""
    return {
        one["target"]: Path(COMPOSE["secrets"][one["source"]]["file"]) for one in service.get("secrets", [])
    }


def settings_file(service: dict[str, Any]) -> str | None:
    found = {one["target"]: COMPOSE["configs"][one["source"]]["file"] for one in service.get("configs", [])}
    return found.get("/etc/tundish/tundish.toml")


def test_it_is_what_the_specification_says() -> None:
    schema = files("check_jsonschema").joinpath("builtin_schemas", "vendor", "compose-spec.json")
    specification = json.loads(schema.read_text("utf-8"))
    jsonschema.Draft202012Validator(specification).validate(COMPOSE)
    wrong = COMPOSE | {"services": {"keeper": SERVICES["keeper"] | {"helthcheck": {}}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(specification).validate(wrong)


def test_every_command_is_one_and_every_variable_sets_something(code: Code) -> None:
    assert OURS.keys() >= SERVERS | {"writer-1", "writer-2", "worker", "apps", "jobs", "upgrade"}
    for name, one in OURS.items():
        assert code.command_error(one["command"]) is None, name
        assert code.unknown(one.get("environment", {})) == [], name


def test_process_names_are_unique_and_one_server_watches() -> None:
    names = [one["command"][2] for one in OURS.values() if one["command"][1] in {"server", "writer"}]
    assert sorted(names) == ["server", "server-1", "server-2", "writer-1", "writer-2"]


def test_every_part_reads_its_settings_and_the_secrets_are_safe(
    code: Code, made: Path, tmp_path: Path
) -> None:
    for name, one in OURS.items():
        if (file := settings_file(one)) is None:
            continue
        secrets = {target: (made / path).read_text() for target, path in secret_files(one).items()}
        folder = tmp_path / name
        folder.mkdir()
        variables = one.get("environment", {})
        with code.loaded((FOLDER / file).read_text("utf-8"), folder, secrets, variables) as (settings, at):
            named = set(re.findall(rf'"{folder}(/run/secrets/[^"]+)"', at.read_text()))
            assert named <= set(secrets), name
            if name in SERVERS:
                assert unsafe(settings, at) == []
            elif one["command"][1] == "writer":
                assert {Path(path).name for path in secrets} == {"metadata.url", "objects.key"}
            else:
                assert {Path(path).name for path in secrets} == {"worker.token", "models.key"}


def test_servers_and_writers_have_the_same_store() -> None:
    texts = [
        (FOLDER / name).read_text("utf-8").partition("[store.cluster]")[2]
        for name in ("tundish.toml", "writer.toml")
    ]
    assert texts[0] == texts[1]


def test_addresses_that_settings_name_are_those_of_the_services() -> None:
    text = "".join(
        (FOLDER / name).read_text("utf-8")
        for name in ("tundish.toml", "worker.toml", "nats.conf", "proxy.conf")
    )
    hosts = set(re.findall(r"(?:nats|nats-route|http)://([a-z0-9-]+):\d+", text)) | set(
        re.findall(r"server ([a-z0-9-]+):8050;", text)
    )
    assert hosts == {"log-1", "log-2", "log-3", "objects", "server-1", "server-2"}
    assert hosts <= set(SERVICES)
    proxy = SERVICES["proxy"]["networks"]["front"]["ipv4_address"]
    assert f'proxy = "{proxy}"' in text
    subnet = COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert proxy.startswith(subnet.rpartition(".")[0])


def test_no_service_may_more_than_it_must() -> None:
    for name, one in SERVICES.items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert one["deploy"]["resources"]["limits"]["memory"], name
        assert not {"privileged", "pid", "ipc"} & one.keys(), name
        assert re.search(r":[^:/]*\d", one["image"]), name
        assert not one["image"].endswith(":latest"), name
        assert {"test", "disable"} & one["healthcheck"].keys(), name
    assert [name for name, one in SERVICES.items() if one["user"].startswith("0")] == ["places"]
    assert [name for name, one in SERVICES.items() if "cap_add" in one] == ["places"]
    assert SERVICES["places"]["network_mode"] == "none"


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is COMPOSE["networks"]["front"]["internal"] is True
    inside = {name for name, one in SERVICES.items() if list(one.get("networks", [])) == ["inside"]}
    assert inside == set(SERVICES) - SERVERS - {"proxy", "places"}
    assert "inside" not in SERVICES["proxy"]["networks"]


def test_secrets_are_files_and_every_file_is_made(made: Path) -> None:
    for name, one in SERVICES.items():
        for variable, value in one.get("environment", {}).items():
            assert not re.search(r"(KEY|TOKEN|PASSWORD|SECRET|URL)$", variable), (name, value)
    wanted = {one["file"] for one in COMPOSE["secrets"].values()}
    found = {path.relative_to(made).as_posix() for path in (made / "secrets").iterdir()}
    assert found == wanted
    assert {(made / path).stat().st_mode & 0o077 for path in found} == {0}
    assert (made / "secrets" / "postgres-owner.password").read_text().strip() in (
        made / "secrets" / "metadata-owner.url"
    ).read_text()


def test_secrets_are_made_once_and_never_written_over(made: Path) -> None:
    before = {path: path.read_bytes() for path in (made / "secrets").iterdir()}
    again = run_script(made, "tundish.example")
    assert again.returncode == 1
    assert "exists" in again.stderr
    assert {path: path.read_bytes() for path in (made / "secrets").iterdir()} == before
    assert run_script(made).returncode != 0


def test_the_owners_log_in_is_the_upgrades_alone() -> None:
    having = [name for name, one in SERVICES.items() if "metadata-owner-url" in str(one.get("secrets"))]
    assert having == ["upgrade"]


def test_the_databases_roles_are_those_of_the_command() -> None:
    def statements(text: str) -> list[str]:
        plain = re.sub(r"PASSWORD (:)?'[^']*'", "PASSWORD", text)
        return re.findall(r"^((?:CREATE|GRANT) .*;)", plain, re.MULTILINE)

    script = (FOLDER / "postgres-roles.sh").read_text("utf-8")
    assert len(statements(script)) == 6
    assert statements(script) == statements(metadata._SETUP)


def test_the_proxy_is_the_example_at_other_places() -> None:
    example = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text("utf-8").splitlines()
    mine = (FOLDER / "proxy.conf").read_text("utf-8").splitlines()
    moved = re.compile(r"listen|ssl_certificate|^    server [a-z0-9.-]+:8050;|^#")
    assert [line for line in mine if not moved.search(line)] == [
        line for line in example if not moved.search(line)
    ]


@pytest.mark.integration
def test_the_logs_servers_take_their_settings(tmp_path: Path) -> None:
    file = tmp_path / "nats.conf"
    text = (FOLDER / "nats.conf").read_text("utf-8")
    assert "sync_interval: always" in text
    file.write_text(text.replace("/data", str(tmp_path)))
    command = [str(BIN / "nats-server"), "-t", "-c", str(file), "--name", "log-1"]
    assert (
        "is valid" in subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    )
