"""How far each signal had come, kept over restarts: a small file plus what the spool holds since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from tundish_connectors.spool.files import Files
from tundish_platform.samples import CodecError, Origin, SampleKind, decode_batch

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_connectors.spool import Spool

_READ_BYTES = 16 * 1024**2


class Checkpoint(BaseModel):
    """Newest source time (µs since 1970) by signal number, as of a record of the spool."""

    number: int = 0
    last: dict[int, int] = {}

    def write(self, path: Path) -> None:
        """Put it in place durably.

        Raises:
            OSError: the disk is full or broken; the old one is still there.
        """
        Files().replace_text(path, self.model_dump_json())


def read_checkpoint(path: Path, spool: Spool) -> dict[int, int]:
    """Newest source time by signal: the file, brought up to date from the records appended after it."""
    try:
        checkpoint = Checkpoint.model_validate_json(path.read_text())
    except (OSError, ValidationError, UnicodeDecodeError):
        checkpoint = Checkpoint()
    last = dict(checkpoint.last)
    after = checkpoint.number
    while records := spool.read(_READ_BYTES, after=after):
        for record in records:
            _advance(last, record.payload)
        after = records[-1].number
    return last


def _advance(last: dict[int, int], payload: bytes) -> None:
    try:
        batch = decode_batch(payload)
    except CodecError:
        return
    # What is imported is history: it says nothing of how far the source has come.
    if batch.kind is SampleKind.GAP or batch.origin is Origin.IMPORT or not len(batch):
        return
    arrival_us = int(batch.arrival.timestamp() * 1e6)
    newest = batch.table.group_by("signal").aggregate([("ts", "max")])
    times = pc.cast(newest["ts_max"], pa.int64()).to_pylist()
    for signal, time in zip(newest["signal"].to_pylist(), times, strict=True):
        # Absurd future times never count as progress, as in the live tracker.
        if time <= arrival_us + 86_400_000_000:
            last[signal] = max(time, last.get(signal, time))
