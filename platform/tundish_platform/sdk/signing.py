"""Ed25519 signatures of publishers: over a package, and over the key that takes another one's place.

What is signed is a short text, so that anybody can check it with `openssl` (docs/reference/app-packages.md).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from tundish_platform.sdk.package import Package

SIGNATURE_BYTES: Final = 64
_PACKAGE: Final = "tundish-app-package-v1"
_KEY: Final = "tundish-publisher-key-v1"


class KeyRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A text that holds no Ed25519 key of the wanted kind."""


def new_key() -> str:
    """A new private key, PEM (PKCS 8, not encrypted: keep the file to yourself)."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip


def public_part(private: str) -> str:
    """The public key of a private one, PEM.

    Raises:
        KeyRefused: the text is no private Ed25519 key.
    """
    return _pem(_private(private).public_key())


def usable_public(text: str) -> str:
    """A public key as we keep it, however its PEM was wrapped.

    Raises:
        KeyRefused: the text is no public Ed25519 key.
    """
    return _pem(_public(text))


def fingerprint(public: str) -> str:
    """SHA-256 of a public key's DER form (SubjectPublicKeyInfo), in hexadecimal.

    Raises:
        KeyRefused: the text is no public Ed25519 key.
    """
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(_public(public).public_bytes(serialization.Encoding.DER, form)).hexdigest()


def package_text(app_id: str, version: str, digest: str) -> bytes:
    """What is signed of a package: it binds the archive to the app and the version."""
    return f"{_PACKAGE}\n{app_id}\n{version}\n{digest}\n".encode()


def text_of(package: Package) -> bytes:
    """`package_text` of a package that was read."""
    return package_text(package.manifest.id, package.manifest.version, package.digest)


def key_text(tenant: str, public: str) -> bytes:
    """What is signed of a new key, by itself and by the key it follows: it binds the key to its publisher."""
    return f"{_KEY}\n{tenant}\n{fingerprint(public)}\n".encode()


def sign(private: str, text: bytes) -> bytes:
    """The signature, 64 bytes.

    Raises:
        KeyRefused: the text is no private Ed25519 key.
    """
    return _private(private).sign(text)


def signed_by(public: str, signature: bytes, text: bytes) -> bool:
    """Whether the signature over the text is that key's."""
    try:
        _public(public).verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _private(text: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyRefused("this is no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused("this is a private key, but not for Ed25519")
    return key


def _public(text: str) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused("this is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefused("this is a public key, but not for Ed25519")
    return key


def _pem(key: Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()
