"""What every connection is told, whatever its protocol; checked when built and without network."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_connectors.collect.thinning import ThinRule
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec


class Connection(BaseModel):
    """One source, and how its data is kept until the platform has it.

    Attributes:
        name: name of the source in the tenant.
        state_dir: folder of this connection alone: spool and what survives a restart.
        prefix: put before every path of this source, such as ``Site/Area/Line``.
        spool_bytes: bound of the spool.
        spool_hours: nothing more is taken while the oldest undelivered record is older; no bound if absent.
        compress: pack the spool with zstd.
        thin: rules by which samples are left out; the first that fits a path holds. None by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    state_dir: Path
    prefix: str = ""
    spool_bytes: int = Field(default=2 * 1024**3, ge=32 * 1024**2)
    spool_hours: float | None = Field(default=None, gt=0)
    compress: bool = False
    thin: tuple[ThinRule, ...] = ()

    @model_validator(mode="after")
    def _check_prefix(self) -> Self:
        if self.prefix.startswith("/") or self.prefix.endswith("/"):
            raise ValueError("prefix must not begin or end with a slash")
        return self

    def path(self, *levels: str) -> str:
        """A signal's path: the prefix and the levels below it."""
        return "/".join(level for level in (self.prefix, *levels) if level)


class SignalNaming(BaseModel):
    """What people call a signal and what it means, where a protocol does not tell.

    Attributes:
        path: below the connection's prefix, ``Machine/Component/Variable``.
        name_zh, name_en: the path's last level if absent.
        semantic, unit, low, high, role, step: as `SignalSpec` has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    name_zh: str = ""
    name_en: str = ""
    semantic: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    role: SignalRole = SignalRole.MEASUREMENT
    step: bool = False

    @model_validator(mode="after")
    def _check_path(self) -> Self:
        if self.path.startswith("/") or self.path.endswith("/"):
            raise ValueError(f"path {self.path!r} must not begin or end with a slash")
        return self

    def spec(self, connection: Connection, kind: SampleKind, period_s: float | None) -> SignalSpec:
        """The signal as the platform knows it."""
        name = self.path.rsplit("/", 1)[-1]
        return SignalSpec(
            path=connection.path(self.path),
            name_zh=self.name_zh or name,
            name_en=self.name_en or name,
            semantic=self.semantic,
            kind=kind,
            role=self.role,
            unit=self.unit,
            low=self.low,
            high=self.high,
            period_s=period_s,
            step=self.step,
        )
