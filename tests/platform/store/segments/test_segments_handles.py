"""Files that are gone, damaged or elsewhere; what is kept of files, and that it stays within bounds."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.query.rollup import HOUR_US
from tundish_platform.store.segments import segment
from tundish_platform.store.segments.handles import Files
from tundish_platform.store.segments.reader import FileVanished, OutsideFolder, Readers, SegmentDamaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

NUMERIC = SampleKind.NUMERIC
EVER = 2**60
TENANTS = 1000
Make = Any
Place = Any
"""See conftest."""


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def overwrite_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))


def overwrite_the_middle(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content) - 4 - 4096) + content[-4096:])


def put_another_in_its_place(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 1000), path)


def make_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


HARMS = [cut, overwrite_the_end, overwrite_the_middle, put_another_in_its_place, make_a_pipe]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("known", [False, True])
def test_a_damaged_segment_is_told_by_its_name(
    place: Place,
    rows_of: Make,
    harm: Callable[[Path], None],
    known: bool,
) -> None:
    file = place.write(NUMERIC, rows_of(NUMERIC, 1, 5000, range(400)))
    if known:
        place.reader.rows(NUMERIC, [file], None)
    harm(place.folder / file.path)
    with pytest.raises(SegmentDamaged, match=file.path):
        place.reader.rows(NUMERIC, [file], None)
    with pytest.raises(SegmentDamaged, match=file.path):
        place.reader.live_minutes([file], None, file.min_ts, file.max_arrival)


def test_a_segment_of_another_kind_is_damage(place: Place, rows_of: Make) -> None:
    file = place.write(SampleKind.GAP, rows_of(SampleKind.GAP, 1, 20))
    with pytest.raises(SegmentDamaged, match="no numeric rows"):
        place.reader.rows(NUMERIC, [file], None)


def test_a_removed_segment_is_gone_at_once_however_well_it_is_known(place: Place) -> None:
    place.random(NUMERIC, 1, 2)
    assert len(place.reader.rows(NUMERIC, place.files, None)) == 2
    known = len(place.readers.pool)
    segment.remove(LocalObjects(place.folder.parent), place.folder.name, place.files[0].path)
    with pytest.raises(FileVanished, match=place.files[0].path):
        place.reader.rows(NUMERIC, place.files, None)
    assert len(place.readers.pool) == known - 1


def test_files_are_reached_through_the_place_that_knows_them(place: Place, tmp_path: Path) -> None:
    place.random(NUMERIC, 1, 1)
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    asked = []

    def local(path: str) -> Path:
        asked.append(path)
        found = fetched / path.replace("/", "-")
        content = (place.folder / path).read_bytes()
        if not found.exists():
            found.write_bytes(content)
        return found

    reader = place.readers.of(fetched, local)
    (file,) = place.files
    assert same(reader.rows(NUMERIC, [file], None)[0], place.reader.rows(NUMERIC, [file], None)[0])
    assert reader.pieces(HOUR_US, [file], None, 0, EVER).num_rows > 0
    assert asked == [file.path, file.path.replace(".parquet", ".rollup")]
    (place.folder / file.path).unlink()
    with pytest.raises(FileVanished):
        reader.rows(NUMERIC, [file], None)


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names are all that is asked


def test_files_of_neighbouring_folders_are_opened_one_after_the_other(tmp_path: Path) -> None:
    paths = ["a/b/1", "a/b/2", "a/c/1", "a/1", "d/b/1", "a/b/1"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "d")
    before = descriptors()
    with Files(tmp_path) as files:
        opened = [files.open(path) for path in paths]
        assert [file.read(len(path), 0).decode() for file, path in zip(opened, paths, strict=True)] == paths
        with pytest.raises(OutsideFolder):
            files.open("a/link/b/1")
        with pytest.raises(FileVanished, match="a/b/3 is gone"):
            files.open("a/b/3")
        # The files, the folder and the folders on the way to the last one.
        assert descriptors() == before + len(paths) + 3
    assert descriptors() == before


def test_a_thousand_tenants_keep_no_descriptor_and_a_bounded_memory(
    place: Place,
    tmp_path: Path,
    rows_of: Make,
) -> None:
    readers = Readers(most=300, most_bytes=400_000)
    file = place.write(NUMERIC, rows_of(NUMERIC, 1, 40))
    before = descriptors()
    for number in range(TENANTS):
        folder = tmp_path / f"t{number}"
        (folder / file.path).parent.mkdir(parents=True)
        for name in (file.path, file.path.replace(".parquet", ".rollup")):
            os.link(place.folder / name, folder / name)
        reader = readers.of(folder)
        assert reader.rows(NUMERIC, [file], None)[0].num_rows == file.rows
        assert reader.pieces(HOUR_US, [file], None, 0, EVER).num_rows > 0
        assert len(readers.pool) <= 300
        assert readers.pool.bytes <= 400_000
    assert descriptors() <= before + 1
    assert len(readers.pool) > 5
    readers.close()
    assert (len(readers.pool), readers.pool.bytes) == (0, 0)


def test_what_was_used_last_stays_known(place: Place, rows_of: Make) -> None:
    files = [place.write(NUMERIC, rows_of(NUMERIC, seed, 40)) for seed in range(4)]
    readers = Readers(most=2)
    for file in (files[0], files[1], files[0], files[2]):
        readers.of(place.folder).rows(NUMERIC, [file], None)
    kept = {path.rpartition("/")[2] for path in readers.pool.paths()}
    assert kept == {files[0].path.rpartition("/")[2], files[2].path.rpartition("/")[2]}


def test_threads_read_what_is_there_while_files_go(place: Place, rows_of: Make) -> None:
    files = [place.write(NUMERIC, rows_of(NUMERIC, seed, 400)) for seed in range(40)]
    readers = Readers(most=8)
    expected = {file.path: place.reader.rows(NUMERIC, [file], None)[0] for file in files}
    hours = {file.path: place.reader.pieces(HOUR_US, [file], None, 0, EVER) for file in files}
    removed: set[str] = set()
    surprises: list[str] = []
    started, most = threading.Barrier(5), [0]

    def read(seed: int) -> None:
        reader = readers.of(place.folder)
        started.wait()
        while len(removed) < len(files) - 4:
            for file in files[seed:] + files[:seed]:
                gone = file.path in removed
                try:
                    (table,) = reader.rows(NUMERIC, [file], None)
                    pieces = reader.pieces(HOUR_US, [file], None, 0, EVER)
                except FileVanished:
                    if file.path not in going:
                        surprises.append(f"{file.path} is said to be gone")
                    continue
                if gone or not same(table, expected[file.path]) or not same(pieces, hours[file.path]):
                    surprises.append(f"{file.path} is read as something else")
            most[0] = max(most[0], descriptors())

    going: set[str] = set()
    before = descriptors()
    threads = [threading.Thread(target=read, args=(seed * 9,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    started.wait()
    for file in files[:-4]:
        going.add(file.path)
        segment.remove(LocalObjects(place.folder.parent), place.folder.name, file.path)
        removed.add(file.path)
    for thread in threads:
        thread.join()
    assert surprises == []
    assert most[0] - before <= 4 * 4
    assert descriptors() <= before


def same(one: pa.Table, other: pa.Table) -> bool:
    """NaN is NaN here."""
    return repr(one.to_pylist()) == repr(other.to_pylist())
