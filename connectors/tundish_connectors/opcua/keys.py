"""Makes the gateway's key and self-signed certificate."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

if TYPE_CHECKING:
    from pathlib import Path

VALID_DAYS = 5 * 365
KEY, CERTIFICATE = "key.pem", "cert.der"


def make_pair(folder: Path, uri: str, host: str, days: int = VALID_DAYS) -> None:
    """Write ``key.pem`` (mode 0600) and ``cert.der`` into a folder, the certificate last.

    Args:
        folder: made if it is missing, for its owner only.
        uri: the application URI.
        host: this machine's name.
        days: how long it is valid.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = generate_private_key()
    made = generate_self_signed_app_certificate(
        key,
        uri,
        {"organizationName": "Tundish gateway"},
        [x509.UniformResourceIdentifier(uri), x509.DNSName(host)],
        [ExtendedKeyUsageOID.CLIENT_AUTH],
        days=days,
    )
    _write(folder / KEY, dump_private_key_as_pem(key), 0o600)
    _write(folder / CERTIFICATE, made.public_bytes(Encoding.DER), 0o644)


def _write(file: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others in between."""
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
    unfinished.replace(file)
