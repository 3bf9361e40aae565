"""What was checked once is not read again, and nothing that changed passes for it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tundish_platform.marketplace.publishing import PackageFolder
from tundish_platform.sdk.package import PackageError, package_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST = """
id = "probe"
version = "1.0.0"
entry = "tundish_app_probe.app:run"
publisher = "Acme"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = { zh = "测试", en = "test" }
description = { zh = "测试", en = "test" }
data_use = { zh = "不使用", en = "none" }
inputs = [{ key = "any", semantic = "*", name = { zh = "压力", en = "pressure" } }]
outputs = [{ key = "number", name = { zh = "数", en = "number" } }]
"""
TOP = "tundish_app_probe"
FILES = {
    f"{TOP}/__init__.py": b"", f"{TOP}/app.py": b"one = 1\n", f"{TOP}/app.toml": MANIFEST.encode(),
    f"{TOP}/parts/more.py": b"two = 2\n",
}  # fmt: skip


class Kept:
    """A folder with one package, whose reads are counted."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = PackageFolder(root)
        self.digest = self.folder.keep(package_of(FILES).data)
        self.archive = root / f"{self.digest}.zip"
        self.place = root / "unpacked" / self.digest / TOP
        self.reads = 0
        read = PackageFolder.read

        def counted(folder: PackageFolder, digest: str) -> bytes:
            self.reads += 1
            return read(folder, digest)

        monkeypatch.setattr(PackageFolder, "read", counted)

    def load(self) -> int:
        """How many times the archive was read for it."""
        before = self.reads
        assert self.folder.load(self.digest).manifest.id == "probe"
        assert (self.place / "app.py").read_bytes() == b"one = 1\n"
        return self.reads - before


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Loaded twice, long after it was laid out, so that it is known."""
    made = Kept(tmp_path / "apps", monkeypatch)
    now = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: now() + 10_000_000_000)
    assert made.load() == 1
    assert made.load() == 1
    assert made.load() == 0
    return made


def _replaced(kept: Kept) -> None:
    """Another file of the same name, size and age in its place."""
    file = kept.place / "app.py"
    new, old = file.with_name("new"), file.stat()
    kept.place.chmod(0o755)
    new.write_bytes(b"one = 9\n")
    new.chmod(0o444)
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
    new.replace(file)
    kept.place.chmod(0o555)


def _overwritten(kept: Kept) -> None:
    """Other bytes in the same file, its times set back."""
    file = kept.place / "parts" / "more.py"
    old = file.stat()
    file.chmod(0o644)
    file.write_bytes(b"two = 9\n")
    file.chmod(0o444)
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))


def _added(kept: Kept) -> None:
    folder = kept.place / "parts"
    folder.chmod(0o755)
    (folder / "else.py").write_bytes(b"")


def _removed(kept: Kept) -> None:
    kept.place.chmod(0o755)
    (kept.place / "app.toml").unlink()


def _linked(kept: Kept) -> None:
    kept.place.chmod(0o755)
    (kept.place / "app.py").unlink()
    (kept.place / "app.py").symlink_to("/etc/hostname")


@pytest.mark.parametrize("change", [_replaced, _overwritten, _added, _removed, _linked])
def test_a_layout_that_changed_is_checked_and_made_anew(kept: Kept, change: Callable[[Kept], None]) -> None:
    change(kept)
    assert kept.load() == 1
    found = {path.relative_to(kept.place.parent).as_posix() for path in kept.place.rglob("*.*")}
    assert found == set(FILES)
    assert all((kept.place.parent / name).read_bytes() == content for name, content in FILES.items())


def test_an_archive_that_changed_is_refused_though_it_was_known(kept: Kept) -> None:
    kept.archive.chmod(0o644)
    data = bytearray(kept.archive.read_bytes())
    data[-1] ^= 1
    kept.archive.write_bytes(bytes(data))
    for _ in range(2):
        with pytest.raises(PackageError, match="not what it was"):
            kept.folder.load(kept.digest)


def test_an_archive_that_is_gone_is_refused_though_it_was_known(kept: Kept) -> None:
    kept.archive.unlink()
    with pytest.raises(PackageError, match="not there"):
        kept.folder.load(kept.digest)


def test_nothing_is_known_of_what_has_just_been_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Kept(tmp_path / "apps", monkeypatch)
    assert [made.load() for _ in range(3)] == [1, 1, 1]


def test_what_one_folder_knows_another_checks_for_itself(kept: Kept, tmp_path: Path) -> None:
    before = kept.reads
    assert PackageFolder(tmp_path / "apps").load(kept.digest).manifest.id == "probe"
    assert kept.reads == before + 1
