"""The model of the disk under the campaigns: too kind a model would find nothing."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tundish_deploy.campaigns.disk import SECTOR, Disk, survives
from tundish_deploy.campaigns.machine import Machine, MachineFiles, PowerLost

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = 60


def after_cut(root: Path, seed: int) -> tuple[Disk, MachineFiles]:
    root.mkdir()
    disk = Disk(root, random.Random(seed))  # noqa: S311 - chance, not secrecy
    disk.settle()
    return disk, MachineFiles(Machine(disk))


def outcomes(tmp_path: Path, *, content: bool, name: bool) -> set[bytes | None]:
    """What is found of one new file, over many cuts."""
    found: set[bytes | None] = set()
    for seed in range(SEEDS):
        root = tmp_path / str(seed)
        disk, files = after_cut(root, seed)
        file = files.append(root / "new")
        file.write(b"abc")
        if content:
            file.sync()
        if name:
            files.sync_folder(root)
        disk.cut()
        found.add((root / "new").read_bytes() if (root / "new").exists() else None)
        disk.close()
    return found


def test_what_is_synced_with_its_name_is_there(tmp_path: Path) -> None:
    assert outcomes(tmp_path, content=True, name=True) == {b"abc"}


def test_content_without_a_name_may_be_gone_but_is_never_half(tmp_path: Path) -> None:
    assert outcomes(tmp_path, content=True, name=False) == {b"abc", None}


def test_a_name_without_content_may_hold_anything_of_it(tmp_path: Path) -> None:
    found = outcomes(tmp_path, content=False, name=True)
    assert {b"", b"abc", b"\0\0\0"} <= found
    assert None not in found


def test_a_rename_is_whole_or_not_at_all(tmp_path: Path) -> None:
    found = set()
    for seed in range(SEEDS):
        root = tmp_path / str(seed)
        disk, files = after_cut(root, seed)
        for name in ("old", "new"):
            (root / name).write_text(name)
        disk.settle()
        files.rename(root / "old", root / "new")
        disk.cut()
        found.add(tuple((path.name, path.read_text()) for path in sorted(root.iterdir())))
        disk.close()
    assert found == {(("new", "old"),), (("new", "new"), ("old", "old"))}


def test_a_folder_that_nobody_synced_takes_its_files_with_it(tmp_path: Path) -> None:
    found = set()
    for seed in range(SEEDS):
        root = tmp_path / str(seed)
        disk, files = after_cut(root, seed)
        folder = root / "folder"
        folder.mkdir()
        file = files.append(folder / "new")
        file.write(b"abc")
        file.sync()
        files.sync_folder(folder)
        disk.cut()
        found.add((folder / "new").exists())
        disk.close()
    assert found == {True, False}


def test_sectors_come_in_any_order_and_some_are_torn() -> None:
    chance = random.Random(1)  # noqa: S311 - chance, not secrecy
    now = b"n" * (4 * SECTOR)
    found = [survives(chance, b"s" * SECTOR, now) for _ in range(2000)]
    holes = [data for data in found if bytes(SECTOR) in data.rstrip(b"\0")]
    torn = [data for data in found if 0 < data[:SECTOR].count(b"n") < SECTOR]
    assert holes
    assert torn
    assert all(set(data) <= set(b"sn\0") for data in found)


def test_a_dead_machine_does_nothing_any_more(tmp_path: Path) -> None:
    disk, _ = after_cut(tmp_path / "root", 1)
    machine = Machine(disk, cut_after=2)
    files = MachineFiles(machine)
    files.append(tmp_path / "root" / "one").write(b"1")
    for _ in range(3):
        with pytest.raises(PowerLost):
            files.append(tmp_path / "root" / "two")
    assert machine.places == {"open folder": 1}
    disk.close()


def test_the_database_of_the_model_is_sqlite_itself(tmp_path: Path) -> None:
    """A commit that was answered is there after a cut; with its syncs left out it is not always."""
    from tundish_deploy.campaigns.database import MachineMetadata  # noqa: PLC0415 - apsw is for development only

    lost = {frozenset[str](): 0, frozenset({"database-sync"}): 0}
    for ignored in lost:
        for seed in range(20):
            root = tmp_path / f"{seed}-{len(ignored)}"
            root.mkdir()
            with sqlite3.connect(root / "metadata.sqlite") as made:
                made.execute("CREATE TABLE t (n INTEGER)")
            made.close()
            disk = Disk(root, random.Random(seed))  # noqa: S311 - chance, not secrecy
            disk.settle()
            metadata = MachineMetadata(root / "metadata.sqlite", machine := Machine(disk, ignored=ignored))
            with metadata.engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO t VALUES (7)")
            machine.dead = True
            metadata.close()
            disk.cut()
            with sqlite3.connect(root / "metadata.sqlite") as opened:
                lost[ignored] += opened.execute("SELECT n FROM t").fetchall() != [(7,)]
            opened.close()
            disk.close()
    with_syncs, without = lost.values()
    assert with_syncs == 0
    assert without > 0
