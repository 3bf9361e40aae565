"""A steel plant with an owner, a neighbour, and cheap password hashes."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tundish_platform.people.settings import PeopleSettings
from tundish_platform.tenancy import Permission, Role, access_tenant, passwords
from tundish_platform.tenancy.accounts import create_tenant, create_user, principal_of_user
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass
class Plant:
    """The database, the owner's number, and scopes as people have them at this moment."""

    metadata: Metadata
    owner: int
    now: datetime = NOW

    def scope(self, person: int | None = None, permission: Permission = Permission.MANAGE) -> TenantScope:
        with self.metadata.session() as session:
            who = principal_of_user(session, self.owner if person is None else person)
        return access_tenant(who, "steel", permission)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._decoy.cache_clear()
    yield
    passwords._decoy.cache_clear()


def _settled(metadata: Metadata) -> Plant:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power")
        owner = create_user(session, "owner@steel", "王", "tap hole 42", {"steel": [Role.OWNER]})
        create_user(session, "owner@power", "刘", "tap hole 43", {"power": [Role.OWNER]})
    return Plant(metadata, owner)


@pytest.fixture
def plant(metadata: Metadata) -> Plant:
    """Runs on SQLite and on PostgreSQL."""
    return _settled(metadata)


@pytest.fixture
def plant_on_postgres(new_postgres: Callable[[], Metadata]) -> Plant:
    """For what only a server with locks by row can show."""
    return _settled(new_postgres().above(Above.OPERATOR))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Authenticator:
    """A WebAuthn authenticator in software: one P-256 key, and it says that it verified its person."""

    # Flags of authenticator data: person present, person verified, credential attached.
    _PRESENT, _VERIFIED, _ATTACHED = 0x01, 0x04, 0x40

    def __init__(self, origin: str, host: str) -> None:
        self.origin, self.host = origin, host
        self.count, self.verifies, self.handle = 0, True, ""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential = secrets.token_bytes(32)

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """As ``navigator.credentials.create``."""
        self.handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attached = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cbor2.dumps(cose)
        data = self._data(self._ATTACHED) + attached
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": _b64(self._client("webauthn.create", options)),
            "attestationObject": _b64(attestation),
        }
        return self._answer(response)

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """As ``navigator.credentials.get``."""
        self.count += 1
        data, client = self._data(0), self._client("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": _b64(client), "authenticatorData": _b64(data), "signature": _b64(signature),
            "userHandle": self.handle,
        }  # fmt: skip
        return self._answer(response)

    def _data(self, more: int) -> bytes:
        flags = self._PRESENT | (self._VERIFIED if self.verifies else 0) | more
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = _b64(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response,
                "clientExtensionResults": {}}  # fmt: skip


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator("https://tundish.example", "tundish.example")


@pytest.fixture
def settings() -> PeopleSettings:
    key = Fernet.generate_key().decode()
    return PeopleSettings.model_validate({"key": key, "origin": "https://tundish.example"})
