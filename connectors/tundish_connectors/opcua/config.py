"""The configuration of one OPC UA connection, checked when built and without network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from tundish_connectors.collect.config import Connection
from tundish_connectors.opcua.rule_files import load_rules
from tundish_connectors.opcua.rules import RuleSet
from tundish_platform.samples.kits import UnknownKit
from tundish_platform.samples.kits import kit as find_kit

SecurityPolicy = Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
SecurityMode = Literal["Sign", "SignAndEncrypt"]


class OpcUaConnection(Connection):
    """One OPC UA server, and how to collect from it; its name also names the client to the server.

    Attributes:
        url: ``opc.tcp://host:port/path``.
        security_policy, security_mode: mode is ignored for policy None.
        certificate, private_key: own certificate and key (DER or PEM); made and kept if absent.
        trust: the server's certificate, or a folder of trusted ones; default ``state_dir/pki/trusted``.
        user, password: for a login with a name; anonymous if absent.
        user_certificate, user_private_key: for a login with a certificate, in place of a name.
        kit: id of the line kit that names and types the signals, or None.
        line: path of the line, where it differs from the kit's.
        rules: CSV or Excel file that names, types, moves or leaves out signals; read when the connection
            is built.
        alarms: whether the server's alarms are followed too, on a connection of their own.
        writable: paths on the server that may be written to; none unless named here.
        callable: paths of methods that may be called; none unless named here.
        publishing_interval_ms: how often the server sends.
        sampling_interval_ms: how often the server looks; 0 asks for every change.
        queue_size: values the server keeps per signal between two notifications.
        keep_alive_s: a server without news shows itself this often.
        publish_requests: publish requests kept waiting at the server.
        reconcile_s: how often missing and failed signals are tried again.
        max_nodes: more variables than this are not collected, and said so.
    """

    url: str
    security_policy: SecurityPolicy = "Basic256Sha256"
    security_mode: SecurityMode = "SignAndEncrypt"
    certificate: Path | None = None
    private_key: Path | None = None
    trust: Path | None = None
    user: str | None = None
    password: SecretStr | None = None
    user_certificate: Path | None = None
    user_private_key: Path | None = None
    kit: str | None = None
    line: str | None = None
    rules: Path | None = None
    alarms: bool = False
    writable: tuple[str, ...] = ()
    callable: tuple[str, ...] = ()
    publishing_interval_ms: float = Field(default=500.0, ge=10, le=60_000)
    sampling_interval_ms: float = Field(default=0.0, ge=-1)
    queue_size: int = Field(default=1000, ge=2, le=1_000_000)
    keep_alive_s: float = Field(default=2.0, gt=0)
    publish_requests: int = Field(default=4, ge=1, le=50)
    request_timeout_s: float = Field(default=10.0, gt=0)
    reconcile_s: float = Field(default=60.0, gt=0)
    max_nodes: int = Field(default=100_000, ge=1)

    _rule_set: RuleSet = PrivateAttr(default_factory=RuleSet)

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme != "opc.tcp" or not parts.hostname:
            raise ValueError(f"url must look like opc.tcp://host:4840, got {self.url!r}")
        if parts.username or parts.password:
            raise ValueError("user and password belong into their own settings, not into the url")
        if self.kit is not None:
            try:
                find_kit(self.kit)
            except UnknownKit as error:
                raise ValueError(str(error)) from error
        if self.rules is not None:
            self._rule_set = load_rules(self.rules)
        return self

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key belong together: set both or neither")
        if self.password is not None and self.user is None:
            raise ValueError("a password needs a user")
        if (self.user_certificate is None) != (self.user_private_key is None):
            raise ValueError("user_certificate and user_private_key belong together: set both or neither")
        if self.user is not None and self.user_certificate is not None:
            raise ValueError("log in with a name or with a certificate, not with both")
        return self

    @property
    def rule_set(self) -> RuleSet:
        """What the rules file says; a file changed since then counts from the next start."""
        return self._rule_set

    def without_rules(self) -> Self:
        """The same connection as it would be without its rules file."""
        return type(self).model_validate({**dict(self), "rules": None})

    @property
    def port(self) -> int:
        """TCP port, 4840 where the url names none."""
        return urlsplit(self.url).port or 4840

    @property
    def host(self) -> str:
        """Host name or address of the url."""
        return urlsplit(self.url).hostname or ""

    @property
    def pki_dir(self) -> Path:
        """Folder of own, trusted and rejected certificates."""
        return self.state_dir / "pki"
