from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.files import LocalFiles
from tundish_platform.store.objects import LocalObjects

if TYPE_CHECKING:
    from pathlib import Path


class StepsFiles(LocalFiles):
    """Notes each step of what it is asked, and fails at one of them."""

    def __init__(self, failing: int = -1) -> None:
        self.steps: list[tuple[str, str]] = []
        self.failing = failing

    def step(self, what: str, path: Path) -> None:
        self.steps.append((what, path.name))
        if len(self.steps) - 1 == self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def sync(self, path: Path) -> None:
        self.step("sync", path)
        super().sync(path)

    def rename(self, path: Path, new: Path) -> None:
        self.step("rename", new)
        super().rename(path, new)


def put(root: Path, layer: StepsFiles) -> None:
    source = root / "finished"
    source.write_bytes(b"x")
    LocalObjects(root / "objects", layer).put("steel/day/a", source)


def test_content_is_synced_before_its_name_and_the_name_before_the_answer(tmp_path: Path) -> None:
    (tmp_path / "objects" / "steel" / "day").mkdir(parents=True)
    layer = StepsFiles()
    put(tmp_path, layer)
    # The folder exists, but nobody knows whether its name was ever made safe: that comes first.
    assert layer.steps == [("sync", "steel"), ("sync", "finished"), ("rename", "a"), ("sync", "day")]


@pytest.mark.parametrize("failing", range(4))
def test_nothing_is_left_whichever_step_fails(tmp_path: Path, failing: int) -> None:
    with pytest.raises(OSError, match="error"):
        put(tmp_path, StepsFiles(failing))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_unfinished_files_are_not_listed_and_go_with_their_tenant(tmp_path: Path) -> None:
    put(tmp_path, StepsFiles())
    objects = LocalObjects(tmp_path / "objects")
    (tmp_path / "objects" / "steel" / "day" / "b.tmp").write_bytes(b"half")
    assert list(objects.listing()) == [("steel/day/a", 1)]
    objects.remove_all("steel")
    assert list((tmp_path / "objects").iterdir()) == []
