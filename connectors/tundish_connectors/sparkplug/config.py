"""One MQTT broker with Sparkplug B edge nodes, checked when built and without network."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from tundish_connectors.collect.config import Connection, SignalNaming

_ONE_LEVEL = r"^[^/+#\x00]+$"


class SparkplugConnection(Connection):
    """One broker, and which edge nodes to listen to.

    Attributes:
        host, port: of the broker.
        groups: Sparkplug groups to listen to.
        host_id: name of this host application; its STATE is published under it. None publishes no STATE.
        tls: encrypt. Without it only a broker on this machine is accepted, unless ``allow_insecure``.
        ca: certificates to trust; the system's if absent.
        certificate, private_key: own certificate, where the broker asks for one.
        user, password: for the broker.
        allow_insecure: permit a connection without encryption.
        keep_alive_s: the broker takes this client for lost after one and a half times of it.
        rebirth_s: an edge node is asked for a new birth at most this often.
        names: what people call signals; the path is ``group/node[/device]/metric`` as the birth says.
        most_signals: more metrics than this are not collected, and said so.
        backlog: messages that may wait to be taken; beyond that the newest are thrown away and recorded.
    """

    host: str = Field(min_length=1)
    port: int = Field(default=8883, ge=1, le=65_535)
    groups: tuple[str, ...] = Field(min_length=1)
    host_id: str | None = Field(default=None, pattern=_ONE_LEVEL)
    tls: bool = True
    ca: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    user: str | None = None
    password: SecretStr | None = None
    allow_insecure: bool = False
    keep_alive_s: int = Field(default=15, ge=2, le=3600)
    rebirth_s: float = Field(default=10.0, gt=0)
    names: tuple[SignalNaming, ...] = ()
    most_signals: int = Field(default=100_000, ge=1)
    backlog: int = Field(default=20_000, ge=100)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for group in self.groups:
            if not group or any(sign in group for sign in "/+#\0"):
                raise ValueError(f"group {group!r} must be one level of a topic without / + #")
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key belong together: set both or neither")
        if self.password is not None and self.user is None:
            raise ValueError("a password needs a user")
        if not (self.tls or self.allow_insecure or _on_this_machine(self.host)):
            raise ValueError(
                "without tls values and passwords cross the network in clear text; set allow_insecure = true "
                "if meant"
            )
        return self


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
