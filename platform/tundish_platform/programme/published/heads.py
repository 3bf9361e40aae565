"""Signed heads of the log: its size, its root and when, under the platform's Ed25519 key for figures."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.sdk.canonical import canonical
from tundish_platform.sdk.signing import fingerprint, public_part, sign, signed_by

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

_PURPOSE: Final = b"tundish-log-head-v1\n"


class Head(BaseModel):
    """The state of the log at a moment.

    Attributes:
        size: figures in it.
        root: of the tree over them, hexadecimal.
        at: when it was signed.
        signature: over the three, hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0)
    root: str = Field(pattern=r"^[0-9a-f]{64}$")
    at: AwareDatetime
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")

    def signed_by(self, public: str) -> bool:
        """Whether that key signed it."""
        return signed_by(public, bytes.fromhex(self.signature), _text(self.size, self.root, self.at))


class HeadSigner:
    """Signs heads with a key made of the platform's secret.

    Args:
        key: from a file; every process of the platform needs the same.
    """

    def __init__(self, key: SecretStr) -> None:
        seed = hashlib.sha256(b"tundish/figures/" + key.get_secret_value().encode()).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()  # fmt: skip
        self.rounding = hashlib.sha256(b"tundish/rounding/" + key.get_secret_value().encode()).digest()
        """Secret that decides which way counts are rounded; see `rounding`."""

    @property
    def public(self) -> str:
        """The public key, PEM."""
        return public_part(self._private)

    @property
    def mark(self) -> str:
        """The fingerprint by which people compare it."""
        return fingerprint(self.public)

    def sign(self, size: int, root: str, at: datetime) -> Head:
        """The signed head of a log."""
        return Head(size=size, root=root, at=at, signature=sign(self._private, _text(size, root, at)).hex())


def _text(size: int, root: str, at: datetime) -> bytes:
    return _PURPOSE + canonical({"size": size, "root": root, "at": at.isoformat()})
