"""A wrong configuration is refused when built, before anything touches the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_connectors.connector import Connector
from tundish_connectors.delivery import Counters, DeliveryConfig, HttpDelivery
from tundish_connectors.opcua import OpcUaConnection, OpcUaConnector
from tundish_connectors.opcua.intake import Intake
from tundish_connectors.opcua.paths import TenantPaths
from tundish_connectors.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("url", "http://127.0.0.1", "opc.tcp"),
        ("url", "opc.tcp://user:secret@127.0.0.1", "their own settings"),
        ("certificate", "cert.der", "belong together"),
        ("password", "secret", "needs a user"),
        ("prefix", "/Site", "slash"),
        ("kit", "no-such-kit", "no-such-kit"),
        ("queue_size", 1, "greater than"),
        ("name", "a/b", "pattern"),
        ("security_policy", "Basic128Rsa15", "Basic256Sha256"),
        ("colour", "red", "not permitted"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, setting: str, value: object, word: str) -> None:
    sound = {"name": "line-1", "url": "opc.tcp://127.0.0.1:4840", "state_dir": tmp_path}
    OpcUaConnection.model_validate(sound)
    with pytest.raises(ValidationError, match=word):
        OpcUaConnection.model_validate({**sound, setting: value})


def test_secrets_do_not_show(tmp_path: Path) -> None:
    connection = OpcUaConnection.model_validate(
        {
            "name": "a",
            "url": "opc.tcp://h",
            "state_dir": tmp_path,
            "user": "op",
            "password": "hidden-one",
        }
    )
    delivery = DeliveryConfig.model_validate(
        {"base_url": "http://h/", "tenant": "plant", "token": "hidden-two"}
    )
    assert "hidden" not in repr(connection) + repr(delivery) + connection.model_dump_json()
    assert delivery.base_url == "http://h"
    assert connection.port == 4840


@pytest.mark.disable_socket
def test_a_connector_is_built_without_network(tmp_path: Path) -> None:
    connection = OpcUaConnection(name="line-1", url="opc.tcp://127.0.0.1:1", state_dir=tmp_path)
    spool = Spool(tmp_path / "spool")
    config = DeliveryConfig.model_validate({"base_url": "http://h", "tenant": "plant", "token": "t"})
    delivery = HttpDelivery(config)
    made = OpcUaConnector(connection, spool, delivery, Intake(spool, Counters(), tmp_path))
    assert isinstance(made, Connector)
    assert made.name == "line-1"
    spool.close()
    delivery.close()


def test_the_line_of_the_server_becomes_the_line_of_the_tenant(tmp_path: Path) -> None:
    sound = {"name": "a", "url": "opc.tcp://h", "state_dir": tmp_path}
    kit = OpcUaConnection.model_validate({**sound, "kit": "hydraulic-bench", "line": "S/A/L"})
    server = ["Machines/X/Y/HPU1/Circuit/Pressure1", "Machines/X/Y/HPU1/Tank/Level", "Diagnostics/Load"]
    paths = TenantPaths(kit, server)
    assert [paths.of(path) for path in server] == [
        "S/A/L/HPU1/Circuit/Pressure1",
        "S/A/L/HPU1/Tank/Level",
        "S/A/L/Diagnostics/Load",
    ]
    assert paths.of(server[0]) in paths.known
    plain = OpcUaConnection.model_validate({**sound, "prefix": "S/A/L"})
    assert TenantPaths(plain, server).of("Diagnostics/Load") == "S/A/L/Diagnostics/Load"
