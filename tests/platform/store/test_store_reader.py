"""A reader sees its own tenant's folder and nothing else, whatever the manifest or a link says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.query.rollup import HOUR_US
from tundish_platform.store.rows import STORED
from tundish_platform.store.segments import segment
from tundish_platform.store.segments.reader import OutsideFolder, Readers
from tundish_platform.store.segments.segment import SegmentFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_platform.store.segments.reader import SegmentReader

CANARY = 271828.0
DAY = date(2026, 3, 1)
INSTANT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVER = 2**60


def write_segment(folder: Path, value: float) -> SegmentFile:
    columns = [[1], [INSTANT], [value], [0], [INSTANT], [True]]
    schema = STORED[SampleKind.NUMERIC]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
    return segment.write(LocalObjects(folder.parent), folder.name, SampleKind.NUMERIC, DAY, table, (1, 1))


def led_to(file: SegmentFile, path: str) -> SegmentFile:
    """What a manifest would say that names another path."""
    names = SegmentFile.__dataclass_fields__
    return SegmentFile(**{name: getattr(file, name) for name in names} | {"path": path})


@pytest.fixture
def theirs(tmp_path: Path) -> SegmentFile:
    """A segment of another tenant, to which links lead from the own folder."""
    write_segment(tmp_path / "mine", 1.0)
    write_segment(tmp_path / "mine-too", CANARY)
    found = write_segment(tmp_path / "theirs", CANARY)
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "theirs")
    (tmp_path / "mine" / "day").mkdir()
    (tmp_path / "mine" / "day" / "link.parquet").symlink_to(tmp_path / "theirs" / found.path)
    for suffix in ("parquet", "rollup"):
        name = found.path.removesuffix("parquet") + suffix
        (tmp_path / "mine" / "day" / f"linked.{suffix}").symlink_to(tmp_path / "theirs" / name)
    return found


ESCAPES = [
    "../theirs/{path}",
    "numeric/../../theirs/{path}",
    "link/{path}",
    "day/link.parquet",
    "day/linked.parquet",
    "{root}/theirs/{path}",
    "/{root}/theirs/{path}",
    "./{path}",
    "",
]
READS: list[Callable[[SegmentReader, SegmentFile], object]] = [
    lambda reader, file: reader.rows(SampleKind.NUMERIC, [file], None),
    lambda reader, file: reader.newest(SampleKind.NUMERIC, [file]),
    lambda reader, file: reader.newest(SampleKind.NUMERIC, [file], [1], datetime(2200, 1, 1, tzinfo=UTC)),
    lambda reader, file: reader.live_minutes([file], None, INSTANT, INSTANT),
    lambda reader, file: reader.pieces(HOUR_US, [file], None, 0, EVER),
    lambda reader, file: reader.remade(file),
]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("read", READS)
def test_no_path_leads_out_of_the_tenants_folder(
    tmp_path: Path,
    theirs: SegmentFile,
    read: Callable[[SegmentReader, SegmentFile], object],
    escape: str,
) -> None:
    file = led_to(theirs, escape.format(root=tmp_path, path=theirs.path))
    readers = Readers()
    # What is known of the other tenant's file must not help either.
    assert readers.of(tmp_path / "theirs").rows(SampleKind.NUMERIC, [theirs], None)
    with pytest.raises(OutsideFolder):
        read(readers.of(tmp_path / "mine"), file)


@pytest.mark.parametrize("escape", [escape for escape in ESCAPES if escape and escape[0] not in "./"])
def test_control_without_the_walls_it_would(tmp_path: Path, theirs: SegmentFile, escape: str) -> None:
    table = pq.read_table(tmp_path / "mine" / escape.format(root=tmp_path, path=theirs.path))
    assert table["value"].to_pylist() == [CANARY]


def test_a_place_for_files_cannot_lead_elsewhere(tmp_path: Path, theirs: SegmentFile) -> None:
    for found in (tmp_path / "theirs" / theirs.path, tmp_path / "mine" / ".." / "theirs" / theirs.path):
        reader = Readers().of(tmp_path / "mine", lambda _, found=found: found)
        with pytest.raises(OutsideFolder):
            reader.rows(SampleKind.NUMERIC, [theirs], None)


def test_the_own_folder_is_readable_with_types_as_stored(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    file = write_segment(folder, 1.0)
    # The folder itself may be reached by a link: that is for whoever installs to say.
    (tmp_path / "by-link").symlink_to(folder)
    for place in (folder, tmp_path / "by-link"):
        (table,) = Readers().of(place).rows(SampleKind.NUMERIC, [file], None)
        assert table.schema == STORED[SampleKind.NUMERIC]
        assert table["value"].to_pylist() == [1.0]
