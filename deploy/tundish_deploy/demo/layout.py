"""The demonstration's certificates and its settings file, both made from the plan."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

from tundish_connectors.replay import make_identity, server_identity, trust
from tundish_deploy import lines
from tundish_deploy.demo.plan import PLANTS, SPAN_HOURS
from tundish_deploy.secrets import new_password, private_file
from tundish_deploy.settings import ReplaySettings, Settings

if TYPE_CHECKING:
    from tundish_connectors.replay import ReplayConfig
    from tundish_deploy.demo.plan import DemoPlant
    from tundish_deploy.demo.state import DemoState

OPCUA_USER = "tundish"
RULE = "demo-2026.1"


def make_secrets(state: DemoState) -> None:
    """Passwords of the OPC UA servers, certificates that trust each other, the key of second factors."""
    if not state.secret("people.key").exists():
        private_file(state.secret("people.key"), Fernet.generate_key().decode())
    for plant in PLANTS:
        password = state.secret(f"opcua-{plant.kit}.password")
        if not password.exists():
            private_file(password, new_password())
        server = server_identity(replay_config(state, plant))
        uri = f"urn:{socket.gethostname()}:tundish:collector:{plant.slug}"
        client = make_identity(state.pki(f"collector-{plant.slug}"), uri, f"Tundish collector {plant.slug}")
        trust(server, client)
        trust(client, server)


def replay_config(state: DemoState, plant: DemoPlant) -> ReplayConfig:
    """How a plant's recording is played."""
    return lines.replay_config(ReplaySettings.model_validate(_replay(state, plant)))


def demo_settings(state: DemoState, port: int) -> Settings:
    """The same settings that a plant would write by hand."""
    return Settings.model_validate(
        {
            "data_dir": state.data_dir,
            "rule_version": RULE,
            "server": {"port": port},
            "people": {"key_file": state.secret("people.key")},
            "worker": {
                "tenants": [plant.slug for plant in PLANTS],
                "token_file": state.secret("worker.token"),
            },
            "connection": [_connection(state, plant) for plant in PLANTS],
            "replay": [_replay(state, plant) for plant in PLANTS],
        }
    )


def _connection(state: DemoState, plant: DemoPlant) -> dict[str, Any]:
    client = state.pki(f"collector-{plant.slug}")
    return {
        "name": plant.kit,
        "tenant": plant.slug,
        "url": f"opc.tcp://127.0.0.1:{plant.port}/tundish/{plant.kit}",
        "kit": plant.kit,
        "token_file": state.secret(f"collect-{plant.slug}.token"),
        "user": OPCUA_USER,
        "password_file": state.secret(f"opcua-{plant.kit}.password"),
        "certificate": client / "own" / "certificate.der",
        "private_key": client / "own" / "private_key.pem",
        "trust": client / "trusted",
        "publishing_ms": 250,
    }


def _replay(state: DemoState, plant: DemoPlant) -> dict[str, Any]:
    return {
        "kit": plant.kit,
        "port": plant.port,
        "speed": state.speed,
        "span_hours": SPAN_HOURS,
        "state_dir": state.folder / "replay",
        "user": OPCUA_USER,
        "password_file": state.secret(f"opcua-{plant.kit}.password"),
        "pki_dir": state.pki(f"server-{plant.kit}"),
    }
