"""Every file that a platform writes says of which version it is, and stands in the page on formats."""

from __future__ import annotations

import fnmatch
import json
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tundish_deploy.backups.database import opened
from tundish_deploy.secrets import kept_secret
from tundish_deploy.stores import prepare
from tundish_deploy.support import write_bundle
from tundish_platform.samples import SampleKind
from tundish_platform.store import Telemetry
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.write import firstlevel
from tundish_platform.store.write.firstlevel import FirstLevel
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Plant

    from tundish_deploy.backups.manifest import Manifest
    from tundish_deploy.backups.place import BackupPlace

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "formats.md"


def of_database(path: Path) -> str:
    with opened(path) as connection:
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


def of_first_level(path: Path) -> str:
    with pa.memory_map(str(path)) as source:
        return str(pa.ipc.open_file(source).schema.metadata[b"tundish.format"].decode())


def of_delta(path: Path) -> str:
    first = min(path.parent.glob("*.json"))
    found = [json.loads(line) for line in first.read_text().splitlines()]
    return str(next(one["protocol"]["minReaderVersion"] for one in found if "protocol" in one))


READERS: dict[str, Callable[[Path], str]] = {
    "metadata.sqlite": of_database,
    "store/log/*.log": lambda path: path.read_bytes()[:7].decode(),
    "store/first-level/*.arrow": of_first_level,
    "store/tenants/*/*/day=*/*.parquet": lambda path: str(pq.read_metadata(path).format_version),
    "store/tenants/*/*/day=*/*.rollup": lambda path: path.read_bytes()[:7].decode(),
    "store/tenants/*/*/_delta_log/*.json": of_delta,
}
KNOWN = {"store/log/*.log": "TNDLOG1", "store/first-level/*.arrow": "1", "metadata.sqlite": "[0-9]{4}",
         "store/tenants/*/*/day=*/*.parquet": r"2\.6", "store/tenants/*/*/day=*/*.rollup": "TNDROL2",
         "store/tenants/*/*/_delta_log/*.json": "[1-9]"}  # fmt: skip
WITHOUT = ("*.key", "*.lock")


def told(path: Path, top: Path) -> str | None:
    """A file's version; empty where it needs none, None where nobody knows it."""
    name = path.relative_to(top).as_posix()
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in WITHOUT):
        return ""
    for pattern, read in READERS.items():
        if fnmatch.fnmatchcase(name, pattern):
            found = read(path)
            assert re.fullmatch(KNOWN[pattern], found), (name, found)
            return found
    return None


@pytest.fixture
def place_of_files(plant: Plant) -> Path:
    """A data folder with every kind of file that store and server write."""
    plant.append([(1, at, float(at)) for at in range(100)])
    plant.store.close()
    root, metadata = plant.settings.data_dir / "store", plant.metadata.above(Above.STORE)
    with closing(Telemetry(root, metadata, background=False, publish=True)) as store:
        store.seal()
    plant.open()
    plant.append([(3, 0, "läuft")], SampleKind.TEXT)
    plant.store.spill()
    plant.append([(1, 200, 1.0)])
    for name in ("session.key", "documents.key", "figures.key", "channels.key"):
        kept_secret(plant.settings.data_dir / name)
    prepare(plant.settings)
    plant.store.close()
    plant.metadata.close()
    return plant.settings.data_dir


def test_every_file_of_a_place_says_its_version(place_of_files: Path) -> None:
    files = [path for path in place_of_files.rglob("*") if path.is_file()]
    beside = re.compile(r"-wal$|-shm$")
    versions = {path: told(path, place_of_files) for path in files if not beside.search(path.name)}
    assert [path for path, version in versions.items() if version is None] == []
    names = [path.relative_to(place_of_files).as_posix() for path in files]
    unseen = [pattern for pattern in READERS if not fnmatch.filter(names, pattern)]
    assert unseen == []


def test_a_file_that_nobody_knows_is_found(place_of_files: Path) -> None:
    stranger = place_of_files / "store" / "new.bin"
    stranger.write_bytes(b"x")
    assert told(stranger, place_of_files) is None


def test_the_page_lists_the_same_files() -> None:
    page = PAGE.read_text("utf-8")
    first = page[: page.index("Elsewhere")]
    listed = set(re.findall(r"^\| `([^`]+)`", first, re.MULTILINE))
    assert listed - set(WITHOUT) - {"apps/*.zip", "logs/*.log"} == set(READERS)
    assert set(WITHOUT) <= listed


def test_backups_and_bundles_say_theirs(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest], tmp_path: Path
) -> None:
    back_up(plant)
    for path in place.folder.rglob("*"):
        if path.is_file() and path.name != "lock":
            head = path.read_bytes()
            assert head.startswith(b"TNDBAK1\n") or json.loads(head)["format"] == 1, path
    assert write_bundle(plant.settings, tmp_path / "b.zip")["bundle"]["format"] == 1


def test_a_first_level_file_of_a_later_version_is_refused(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.append([(1, 0, 1.0)])
    with monkeypatch.context() as patch:
        patch.setattr(firstlevel, "_VERSION", b"2")
        plant.store.spill()
    folder = plant.settings.data_dir / "store" / "first-level"
    [file] = folder.iterdir()
    with pytest.raises(ValueError, match="format 2"):
        FirstLevel(folder, LocalFiles()).open(file.name)
