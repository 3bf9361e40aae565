"""Where devices push to, and which ones may; checked when built and without network."""

from __future__ import annotations

import ipaddress
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from tundish_connectors.collect.config import Connection, SignalNaming
from tundish_platform.samples import SampleKind

_SHORTEST_KEY = 16


class PushedSignal(SignalNaming):
    """A signal that a device sends.

    Attributes:
        path: below the device's path.
        kind: of its samples; never a gap.
        period_s: expected seconds between samples; None for values sent on events only.
    """

    kind: SampleKind = SampleKind.NUMERIC
    period_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind is SampleKind.GAP:
            raise ValueError(f"{self.path}: a device cannot send gaps")
        return self


class Device(BaseModel):
    """One device and the key that it sends as ``Authorization: Bearer …``.

    Attributes:
        path: put before its signals, below the connection's prefix.
        key: at least 16 characters, of this device alone.
        signals: what it sends. Others are refused, unless ``open``.
        open: take signals that are not listed, of the kind that their first value shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    key: SecretStr
    signals: tuple[PushedSignal, ...] = ()
    open: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.key.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"{self.path}: a key needs {_SHORTEST_KEY} characters at least")
        if not self.signals and not self.open:
            raise ValueError(f"{self.path}: list its signals, or set open = true to take whatever it sends")
        if self.path.startswith("/") or self.path.endswith("/"):
            raise ValueError("a device's path must not begin or end with a slash")
        return self


class HttpPushConnection(Connection):
    """A receiver, and the devices that may send to it.

    Attributes:
        host, port: where to listen. An address that others can reach needs ``behind_tls`` or
            ``allow_insecure``.
        devices: each with a key of its own.
        most_bytes: longest body of a request.
        most_rows: most values of a request.
        most_signals: signals an open device may bring.
        threads: requests that are worked on at once.
        behind_tls: a reverse proxy in front ends TLS.
        allow_insecure: permit keys in clear text on a network that is trusted.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8060, ge=0, le=65_535)
    devices: tuple[Device, ...] = Field(min_length=1)
    most_bytes: int = Field(default=1024**2, ge=1024, le=64 * 1024**2)
    most_rows: int = Field(default=10_000, ge=1)
    most_signals: int = Field(default=1000, ge=1)
    threads: int = Field(default=4, ge=1, le=64)
    behind_tls: bool = False
    allow_insecure: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [device.key.get_secret_value() for device in self.devices]
        if len(set(keys)) < len(keys):
            raise ValueError("two devices have the same key; who sends is known by the key alone")
        local = self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        if not (local or self.behind_tls or self.allow_insecure):
            raise ValueError(
                f"host {self.host} can be reached by others, and keys would cross the network in clear text. "
                "Put a reverse proxy with TLS in front and set behind_tls = true, or allow_insecure if meant"
            )
        return self
