"""Settings of backups."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class KeepSettings(BaseModel):
    """Which backups stay when others are let go.

    Attributes:
        last: the newest so many.
        daily, weekly, monthly: the newest of each of so many days, ISO weeks and months that have one, UTC.
    """

    model_config = ConfigDict(extra="forbid")

    last: int = Field(default=3, ge=1)
    daily: int = Field(default=14, ge=0)
    weekly: int = Field(default=8, ge=0)
    monthly: int = Field(default=12, ge=0)


class BackupSettings(BaseModel):
    """Where backups go.

    Attributes:
        place: folder of the backups, best on another machine's disk.
        key_file: holds the key that encrypts them (``tundish backup key``); never inside a backup, so keep a
            copy elsewhere. `key` is the same from the environment.
        keep: which of them stay at ``tundish backup keep``.
    """

    model_config = ConfigDict(extra="forbid")

    place: Path | None = None
    key_file: Path | None = None
    key: SecretStr | None = None
    keep: KeepSettings = Field(default_factory=KeepSettings)
