"""An asyncua server whose counters are journalled: every value written is in the journal, in order."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from asyncua.ua.status_codes import StatusCodes
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from cryptography import x509


async def main() -> None:
    settings = json.loads(sys.argv[1])
    security = settings.get("security")
    server = Server(user_manager=Users(security)) if security else Server()
    await server.init()
    if security:
        await secure(server, security)
    server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/")
    index = await server.register_namespace("urn:tundish:test:counters")
    parent = server.nodes.objects
    for name in ("Plant", "Line", "Machine"):
        parent = await parent.add_object(index, name)
    nodes = [
        await parent.add_variable(index, f"Counter{at}", ua.Variant(0, ua.VariantType.Int64))
        for at in range(settings["signals"])
    ]
    value = 0
    journal = Path(settings["journal"])
    async with server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            value += 1
            now = datetime.now(UTC)
            for node in nodes:
                variant = ua.Variant(value, ua.VariantType.Int64)
                await node.write_value(ua.DataValue(variant, SourceTimestamp=now, ServerTimestamp=now))
            append(journal, {"value": value, "ts": now.isoformat()})
            await asyncio.sleep(settings["period_s"])


class Users(UserManager):
    """Whoever is anonymous, the one user with his password, and the one user with his certificate."""

    def __init__(self, security: dict[str, Any]) -> None:
        self._security = security

    def get_user(
        self,
        iserver: object,  # noqa: ARG002 - asyncua passes it by name
        username: str | None = None,
        password: str | None = None,
        certificate: bytes | None = None,  # noqa: ARG002 - the channel's, which the validator has seen
    ) -> User | None:
        known = (self._security["user"], self._security["password"])
        return User(role=UserRole.User) if username is None or (username, password) == known else None


async def secure(server: Server, security: dict[str, Any]) -> None:
    await server.set_application_uri(security["uri"])
    await server.load_certificate(security["certificate"])
    await server.load_private_key(security["private_key"])
    kinds = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    modes = [f"{kind}_{mode}" for kind in kinds for mode in ("Sign", "SignAndEncrypt")]
    server.set_security_policy(
        [ua.SecurityPolicyType.NoSecurity, *(ua.SecurityPolicyType[name] for name in modes)]
    )
    server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken, ua.X509IdentityToken])
    trusted = read_all(security["trusted"])

    async def validate(certificate: x509.Certificate, _: ua.ApplicationDescription) -> None:
        if certificate.public_bytes(Encoding.DER) not in trusted:
            raise ServiceError(StatusCodes.BadCertificateUntrusted)

    server.set_certificate_validator(validate)


def read_all(paths: list[str]) -> list[bytes]:
    return [Path(path).read_bytes() for path in paths]


def append(journal: Path, entry: dict[str, object]) -> None:
    with journal.open("a") as file:
        file.write(json.dumps(entry) + "\n")


asyncio.run(main())
