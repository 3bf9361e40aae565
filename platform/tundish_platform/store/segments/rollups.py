"""Rollups beside a segment: what long windows are answered from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.files import FileLayer


def write(segment: Path, files: FileLayer, kind: SampleKind, table: pa.Table) -> None:
    """Write the rollups of a segment's rows beside it, each synced."""


def paths(segment: Path) -> list[Path]:
    """Where a segment's rollups lie, whether they exist or not."""
    return []
