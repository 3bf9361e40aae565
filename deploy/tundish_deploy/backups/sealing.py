"""How a backup is encrypted: AES-256-GCM under keys that are derived from one key, which no backup holds.

Content is named by a keyed digest, so the same bytes are stored once, and whoever sees the names alone cannot
tell whether a file they know is among them. What is sealed is bound to its name: nothing passes for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tundish_deploy.secrets import private_file, secret

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

MAGIC: Final = b"TNDBAK1\n"
KEY_PREFIX: Final = "tundish-backup-key-1:"
_FAMILY: Final = b"TNDBAK"
_KEY_BYTES: Final = 32
_NONCE: Final = 12
_PLAIN, _ZSTD = b"\0", b"\1"
_SIZE: Final = 8
_LEVEL: Final = 3


class Damaged(Exception):  # noqa: N818 - says what the content is
    """Content is missing, or is not what was written; the message names it."""


class KeyUnusable(Exception):  # noqa: N818 - says what the key is
    """No key of a backup, or not the one of this place."""


class NewerFormat(Exception):  # noqa: N818 - says what the file is
    """A later version wrote it; this one cannot read it."""


class BackupKey:
    """Seals and opens content, and gives it its name.

    Args:
        raw: 32 random bytes.
    """

    def __init__(self, raw: bytes) -> None:
        self._cipher = AESGCM(_derived(raw, b"tundish/backup/content"))
        self._naming = _derived(raw, b"tundish/backup/names")

    @classmethod
    def of(cls, text: SecretStr) -> Self:
        """The key as `new_key_file` writes it.

        Raises:
            KeyUnusable: it is none.
        """
        plain = text.get_secret_value().strip()
        try:
            raw = base64.urlsafe_b64decode(plain.removeprefix(KEY_PREFIX))
        except (binascii.Error, ValueError):
            raw = b""
        if not plain.startswith(KEY_PREFIX) or len(raw) != _KEY_BYTES:
            raise KeyUnusable("this is no key of a backup; make one with: tundish backup key FILE")
        return cls(raw)

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """The key in a file.

        Raises:
            KeyUnusable: the file is not there, or holds none.
        """
        try:
            return cls.of(secret(file))
        except OSError as error:
            raise KeyUnusable(f"the key cannot be read: {error}") from error

    def name_of(self, data: bytes) -> str:
        """The content's name: 64 hexadecimal digits, the same for the same bytes under the same key."""
        return hmac.new(self._naming, data, hashlib.sha256).hexdigest()

    def seal(self, name: str, data: bytes) -> bytes:
        """Compressed where that saves room, encrypted, bound to a name."""
        packed = pa.Codec("zstd", _LEVEL).compress(data, asbytes=True)
        form, body = (_ZSTD, packed) if len(packed) < len(data) else (_PLAIN, data)
        plain = form + len(data).to_bytes(_SIZE, "little") + body
        nonce = os.urandom(_NONCE)
        return MAGIC + nonce + self._cipher.encrypt(nonce, plain, MAGIC + name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """What was sealed under a name.

        Raises:
            NewerFormat: a later version sealed it.
            Damaged: changed, cut off, sealed under another name or with another key.
        """
        if sealed.startswith(_FAMILY) and not sealed.startswith(MAGIC):
            raise NewerFormat(f"{name} was written by a later version; restore with that version")
        start = len(MAGIC) + _NONCE
        try:
            plain = self._cipher.decrypt(sealed[len(MAGIC) : start], sealed[start:], MAGIC + name.encode())
        except (InvalidTag, ValueError) as error:
            raise Damaged(f"{name} is not what was written") from error
        size, body = int.from_bytes(plain[1 : 1 + _SIZE], "little"), plain[1 + _SIZE :]
        if plain[:1] == _PLAIN:
            return body
        return pa.Codec("zstd").decompress(body, size, asbytes=True) if size else b""


def new_key_file(file: Path) -> None:
    """Write a new key that only its owner may read.

    Raises:
        FileExistsError: there is a file: without the key in it, backups made with it are lost.
    """
    if file.exists():
        raise FileExistsError(f"{file} exists; a key is never overwritten")
    private_file(file, KEY_PREFIX + base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode() + "\n")


def _derived(raw: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(raw)
