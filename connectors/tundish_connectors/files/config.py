"""A folder into which files are put, checked when built and without looking at it."""

from __future__ import annotations

import zoneinfo
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from tundish_connectors.collect.config import Connection, SignalNaming
from tundish_platform.samples import SampleKind


class FileSignal(SignalNaming):
    """A signal that files hold.

    Attributes:
        column: its column in wide files; the path if absent.
        kind: of its samples; never a gap.
        period_s: expected seconds between samples; None for values on events only.
    """

    column: str = ""
    kind: SampleKind = SampleKind.NUMERIC
    period_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind is SampleKind.GAP:
            raise ValueError(f"{self.path}: a file cannot hold gaps")
        return self


class FolderConnection(Connection):
    """A watched folder: each finished file is read once and moved to ``done`` or ``failed`` in it.

    Attributes:
        folder: absolute; the files lie directly in it.
        pattern: which files; of ``.csv``, ``.xlsx`` and ``.parquet``.
        layout: ``long`` has columns path, ts, value and, if wanted, status; ``wide`` one column of times and
            one a signal.
        time_column: in wide files.
        timezone: of times that name none, such as ``Asia/Shanghai``; without it they are refused.
        signals: what the files hold; other paths of a long file make the file fail, other columns of a wide
            one are left alone.
        sheet: of an Excel file; the first if absent.
        settle_s: a file is finished when it has not changed for so long.
        every_s: how often to look.
        keep_done_days: files in ``done`` are removed after so long; kept for good if absent.
    """

    folder: Path
    pattern: str = "*"
    layout: Literal["long", "wide"] = "long"
    time_column: str = "ts"
    timezone: str | None = None
    signals: tuple[FileSignal, ...] = Field(min_length=1)
    sheet: str | None = None
    settle_s: float = Field(default=5.0, ge=0)
    every_s: float = Field(default=5.0, gt=0)
    keep_done_days: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.folder.is_absolute():
            raise ValueError(f"folder {self.folder} must be absolute")
        if "/" in self.pattern:
            raise ValueError("pattern names files of the folder itself and has no slash")
        if self.timezone is not None and self.timezone not in zoneinfo.available_timezones():
            raise ValueError(f"there is no time zone {self.timezone!r}; write it like Asia/Shanghai")
        return self
