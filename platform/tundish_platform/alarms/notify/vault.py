"""Secrets of channels at rest: sealed with a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

_NONCE: Final = 12
_FORM: Final = "v1:"


class KeyLost(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The text was sealed with another key, for another tenant, or was changed."""


class Vault:
    """Seals small secrets with AES-256-GCM, bound to their tenant, so that a row copied elsewhere is useless.

    Args:
        key: from a file or the environment; every process of the platform needs the same.
    """

    def __init__(self, key: SecretStr) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"tundish/channels/" + key.get_secret_value().encode()).digest())

    def seal(self, tenant_id: int, secrets: Mapping[str, str]) -> str:
        """A text for the database."""
        nonce = os.urandom(_NONCE)
        plain = json.dumps(dict(secrets)).encode()
        sealed = nonce + self._cipher.encrypt(nonce, plain, _bound_to(tenant_id))
        return _FORM + base64.b64encode(sealed).decode()

    def open(self, tenant_id: int, sealed: str) -> dict[str, str]:
        """The secrets again.

        Raises:
            KeyLost: they were not sealed with this key for this tenant.
        """
        try:
            raw = base64.b64decode(sealed.removeprefix(_FORM), validate=True)
            plain: dict[str, Any] = json.loads(
                self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _bound_to(tenant_id))
            )
        except (InvalidTag, ValueError) as error:
            raise KeyLost("the channel's secrets cannot be opened with this key") from error
        return plain


def _bound_to(tenant_id: int) -> bytes:
    return f"tenant/{tenant_id}".encode()
