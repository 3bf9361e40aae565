from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_platform.store.objects import Objects
    from tundish_platform.store.testing.places import ObjectsPlace

NAME = "steel/numeric/2026-03-01/17-ab.parquet"


def put(objects: Objects, folder: Path, name: str, content: bytes) -> Path:
    source = folder / "finished.tmp"
    source.write_bytes(content)
    objects.put(name, source)
    return source


def names(objects: Objects, folder: str = "") -> list[str]:
    return sorted(name for name, _ in objects.listing(folder))


@pytest.mark.parametrize("size", [0, 1, 70_000, 12_000_000])
def test_what_was_put_is_there_for_every_process_and_its_source_gone(
    objects_place: ObjectsPlace, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    source = put(objects_place.open(), tmp_path, NAME, content)
    assert not source.exists()
    other = objects_place.open()
    assert other.local(NAME).read_bytes() == content
    assert list(other.listing()) == [(NAME, size)]


def test_what_is_missing_is_told_and_may_be_removed(objects_place: ObjectsPlace, tmp_path: Path) -> None:
    objects = objects_place.open()
    assert names(objects) == []
    assert names(objects, "steel") == []
    for missing in (NAME, "steel"):
        with pytest.raises(FileNotFoundError):
            objects.local(missing)
        with pytest.raises(FileNotFoundError):
            objects.put_aside(missing, "orphans/x")
        objects.remove(missing)
        objects.remove_all(missing)
    put(objects, tmp_path, NAME, b"x")
    objects.remove(NAME)
    objects.remove(NAME)
    assert names(objects) == []
    with pytest.raises(FileNotFoundError):
        objects.local(NAME)


def test_a_listing_is_of_one_folder_and_all_below(objects_place: ObjectsPlace, tmp_path: Path) -> None:
    objects = objects_place.open()
    for name in ("steel/a", "steel/b/c", "steelworks/d", "e"):
        put(objects, tmp_path, name, b"x" * 5)
    assert names(objects) == ["e", "steel/a", "steel/b/c", "steelworks/d"]
    assert names(objects, "steel") == ["steel/a", "steel/b/c"]
    assert dict(objects.listing("steel/b")) == {"steel/b/c": 5}


def test_put_aside_moves_it(objects_place: ObjectsPlace, tmp_path: Path) -> None:
    objects = objects_place.open()
    put(objects, tmp_path, NAME, b"content")
    objects.local(NAME)
    objects.put_aside(NAME, "steel/orphans/2026-03-01/numeric-17-ab.parquet")
    assert names(objects) == ["steel/orphans/2026-03-01/numeric-17-ab.parquet"]
    assert objects_place.open().local(names(objects)[0]).read_bytes() == b"content"
    with pytest.raises(FileNotFoundError):
        objects.local(NAME)


def test_remove_all_takes_a_tenant_away_and_no_other(objects_place: ObjectsPlace, tmp_path: Path) -> None:
    objects = objects_place.open()
    for name in ("steel/a/1", "steel/a/2", "steel/b/c/3", "steelworks/4"):
        put(objects, tmp_path, name, b"x")
    objects.local("steel/a/1")
    objects.remove_all("steel")
    assert names(objects) == ["steelworks/4"]
    with pytest.raises(FileNotFoundError):
        objects.local("steel/a/1")


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a//b", "", "a/../b", "a/.", "a b", "a/b.tmp", "a\n"]
)
def test_a_name_cannot_lead_elsewhere(objects_place: ObjectsPlace, tmp_path: Path, name: str) -> None:
    objects = objects_place.open()
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for call in (objects.local, objects.remove, objects.remove_all):
        with pytest.raises(ValueError, match="cannot name"):
            call(name)
    for pair in ((name, "fine"), ("fine", name)):
        with pytest.raises((ValueError, FileNotFoundError)):
            objects.put_aside(*pair)
    with pytest.raises(ValueError, match="cannot name"):
        objects.put(name, source)


@pytest.mark.parametrize("size", [5000, 12_000_000])
def test_a_put_that_fails_leaves_nothing_behind(
    objects_place: ObjectsPlace, tmp_path: Path, size: int
) -> None:
    objects = objects_place.open()
    with objects_place.broken(), pytest.raises(OSError, match=r"\[Errno"):
        put(objects, tmp_path, NAME, os.urandom(size))
    assert not (tmp_path / "finished.tmp").exists()
    assert names(objects_place.open()) == []
    put(objects, tmp_path, NAME, b"again")
    assert objects_place.open().local(NAME).read_bytes() == b"again"


def test_a_full_place_says_so_and_takes_more_once_there_is_room(
    objects_place: ObjectsPlace, tmp_path: Path
) -> None:
    objects = objects_place.open()
    put(objects, tmp_path, "steel/old", b"old")
    with objects_place.full():
        with pytest.raises(OSError, match=r"\[Errno") as told:
            put(objects, tmp_path, NAME, os.urandom(5000))
        assert told.value.errno == errno.ENOSPC
    assert names(objects) == ["steel/old"]
    put(objects, tmp_path, NAME, b"fits")
    assert names(objects) == [NAME, "steel/old"]


def test_many_at_once(objects_place: ObjectsPlace, tmp_path: Path) -> None:
    objects = objects_place.open()

    def write(n: int) -> bytes:
        folder = tmp_path / f"writer-{n}"
        folder.mkdir()
        put(objects, folder, f"steel/{n}", b"%d" % n * 1000)
        return objects.local(f"steel/{n}").read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(24))) == [b"%d" % n * 1000 for n in range(24)]
    assert len(names(objects)) == 24
