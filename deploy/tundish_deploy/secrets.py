"""Passwords and files that only their owner may read."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from pathlib import Path


def private_file(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_suffix(path.suffix + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text, "utf-8")
    new.replace(path)


def secret(file: Path) -> SecretStr:
    """A token or password from its own file."""
    return SecretStr(file.read_text("utf-8").strip())


def kept_secret(path: Path) -> SecretStr:
    """A secret that is made once; processes that start together all get the same."""
    if not path.exists():
        mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        private_file(mine, secrets.token_urlsafe(48))
        try:
            # A link, not a rename: whoever was first has made it, and sessions are signed with it.
            path.hardlink_to(mine)
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return secret(path)


def new_password() -> str:
    """A password nobody chose; short enough to be typed from the screen (96 bits)."""
    return secrets.token_urlsafe(12)
