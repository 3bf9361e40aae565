"""Our own signature on models: who holds this installation's key made them, or nobody here loads them."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Signature = dict[str, str]

_NAME_LENGTH: Final = 16


class NotOurs(RuntimeError):  # noqa: N818 - says what it is not
    """Unsigned, signed with another key, or changed since it was signed; the message says which."""


class Signer:
    """An Ed25519 key that signs and checks statements, each a small table of words.

    Args:
        key: the private key of this installation.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.name = hashlib.sha256(public).hexdigest()[:_NAME_LENGTH]

    @classmethod
    def kept(cls, file: Path) -> Self:
        """The key in a file, made there if there is none; only the file's owner may read it.

        Raises:
            OSError: the file can be neither read nor made.
            ValueError: the file holds no Ed25519 key.
        """
        if not file.exists():
            _make(file)
        key = load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{file} holds no Ed25519 key")  # noqa: TRY004 - a wrong file, no wrong argument
        return cls(key)

    def sign(self, statement: Mapping[str, str]) -> Signature:
        """The statement with the key's name and the signature."""
        return {**statement, "key": self.name, "signature": self._key.sign(_bytes(statement)).hex()}

    def check(self, statement: Mapping[str, str], signed: Mapping[str, Any]) -> None:
        """Accept a signature over exactly this statement.

        Raises:
            NotOurs: it is none of this key.
        """
        key, signature = signed.get("key"), signed.get("signature")
        if not isinstance(key, str) or not isinstance(signature, str):
            raise NotOurs("is unsigned")
        if key != self.name:
            raise NotOurs(f"is signed with the key {key[:_NAME_LENGTH]!r}; the key here is {self.name}")
        try:
            self._key.public_key().verify(bytes.fromhex(signature), _bytes(statement))
        except (InvalidSignature, ValueError) as error:
            raise NotOurs("was changed since it was signed") from error
        # One signature has one form: no words beside the statement, no other way to write its digits.
        if signed != {**statement, "key": key, "signature": bytes.fromhex(signature).hex()}:
            raise NotOurs("was changed since it was signed")


def _bytes(statement: Mapping[str, str]) -> bytes:
    """The same words give the same bytes; a JSON text cannot be split in another way."""
    return json.dumps(statement, sort_keys=True, ensure_ascii=False).encode()


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, text)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # A link, not a rename: of processes that start together all sign with the first one's key.
        file.hardlink_to(mine)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
