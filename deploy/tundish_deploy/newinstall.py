"""A new installation's folder: settings with comments, secrets made at this moment, nothing preset."""

from __future__ import annotations

import json
import os
import secrets
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tundish_deploy.safety import SHARED_KEYS

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES: Final = ("zh", "en")


class Exists(Exception):  # noqa: N818 - it says what is
    """Something stands where a file was to be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


def make_installation(
    folder: Path, language: str, origin: str | None, port: int, data: Path | None = None
) -> Path:
    """Write the settings and make the secrets; returns the settings' file.

    Args:
        folder: made if it does not exist.
        language: of the comments.
        origin: address in browsers if a proxy with TLS stands in front, ``https://…``.
        port: of the server, on 127.0.0.1.
        data: the data folder; below `folder` if absent. It is named and not made.

    Raises:
        Exists: a file would be overwritten; nothing was written.
        ValueError: the address is no https address.
    """
    if origin is not None:
        origin = _checked(origin)
    folder, data = folder.resolve(), (data or folder / "data").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = {folder / "tundish.toml": settings_text(folder, language, origin, port, data)}
    made[folder / "secrets" / "people.key"] = Fernet.generate_key().decode()
    made |= {folder / "secrets" / f"{one}.key": secrets.token_urlsafe(48) for one in SHARED_KEYS}
    made[folder / "secrets" / "models.key"] = _signing_key()
    taken = next((path for path in (*made, data) if path.exists() or path.is_symlink()), None)
    if taken is not None:
        raise Exists(taken)
    (folder / "secrets").mkdir(exist_ok=True, mode=0o700)
    for path, text in made.items():
        _write_new(path, text)
    return folder / "tundish.toml"


def settings_text(folder: Path, language: str, origin: str | None, port: int, data: Path) -> str:
    """The settings with their comments, as TOML."""
    template = files("tundish_deploy").joinpath("templates", f"settings.{language}.toml").read_text("utf-8")
    tls = origin is not None
    return Template(template).substitute(
        # A basic string of TOML has JSON's escapes.
        data_dir=_quoted(data),
        secrets=_quoted(folder / "secrets"),
        people_key=_quoted(folder / "secrets" / "people.key"),
        url_file=_quoted(folder / "secrets" / "metadata.url"),
        token_file=_quoted(folder / "secrets" / "worker.token"),
        port=port,
        origin=json.dumps(origin or f"http://localhost:{port}"),
        behind_tls="behind_tls = true" if tls else "# behind_tls = true",
        proxy='proxy = "127.0.0.1"' if tls else '# proxy = "127.0.0.1"',
    )


def _signing_key() -> str:
    """Models are signed with a key of its own form; see `tundish_analytics.models.signing`."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _checked(origin: str) -> str:
    parts = urlsplit(origin)
    if parts.scheme != "https" or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("an address such as https://tundish.example, without a path, is needed")
    return origin.rstrip("/")


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _write_new(path: Path, text: str) -> None:
    """Only its owner may read it from the first moment on, and a file that appeared meanwhile stays."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Exists(path) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
