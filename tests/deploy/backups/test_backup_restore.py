"""Restoring: a whole platform into an empty place, one tenant beside others; and a drill that can fail."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tundish_deploy.backups import create, database
from tundish_deploy.backups.drill import drill
from tundish_deploy.backups.manifest import Manifest, read_index, read_manifest
from tundish_deploy.backups.place import SMALL_CHUNK, BackupPlace
from tundish_deploy.backups.restore import OUTSIDE, RestoreRefused, restore_whole
from tundish_deploy.backups.sealing import BackupKey, Damaged, KeyUnusable, NewerFormat, new_key_file
from tundish_deploy.backups.verify import verify
from tundish_deploy.settings import Settings
from tundish_platform.audit import verify_trail
from tundish_platform.migrations import NewerDatabase
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Plant


def again(place: BackupPlace, manifest: Manifest, **changes: Any) -> Manifest:  # noqa: ANN401 - fields
    """The same backup under another name, as whoever has the key could write it."""
    told = manifest.model_dump(mode="json") | changes | {"name": f"{manifest.name}x"}
    place.publish(told["name"], told)
    return read_manifest(place, told["name"])


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_a_platform_comes_back_into_an_empty_place_and_goes_on(
    new_plant: Callable[..., Plant],
    dialect: str,
    to: str,
    place: BackupPlace,
    back_up: Callable[..., Manifest],
    new_server_url: Callable[..., str],
    tmp_path: Path,
) -> None:
    plant = new_plant(dialect)
    plant.write()
    (plant.settings.data_dir / "models.key").write_text("k")
    made = back_up(plant)
    data_dir = tmp_path / "new" / "data"
    url = new_server_url() if to == "postgresql" else f"sqlite:///{data_dir / 'metadata.sqlite'}"
    restore_whole(place, made, data_dir, url)
    assert (data_dir / "models.key").read_text() == "k"
    assert (data_dir / "metadata.sqlite").exists() == (to == "sqlite")
    back = type(plant)(Settings(data_dir=data_dir, metadata_url=url), Metadata(url))
    try:
        back.look_up()
        back.open()
        for slug in ("steel", "power"):
            assert back.values(slug=slug) == plant.values(slug=slug)
            assert back.values(3, slug, SampleKind.TEXT) == ["läuft"]
        assert back.store.verify() == []
        with back.metadata.above(Above.OPERATOR).session() as session:
            assert not verify_trail(session, {}).faults
        # What comes now is newer than all that came back, also behind another start.
        back.append([(1, at, 9.0) for at in range(2)])
        back.store.seal()
        back.append([(1, 1, 10.0)])
        back.open()
        assert back.values()[:3] == [9.0, 10.0, 2.0]
    finally:
        back.close()


def test_nothing_is_overwritten_and_what_does_not_fit_is_refused(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made, single = back_up(plant), back_up(plant, "steel")
    url = f"sqlite:///{tmp_path / 'new' / 'metadata.sqlite'}"
    with pytest.raises(RestoreRefused, match="not empty"):
        restore_whole(place, made, plant.settings.data_dir, plant.settings.database)
    with pytest.raises(RestoreRefused, match="exists"):
        restore_whole(place, made, tmp_path / "new", plant.settings.database)
    with pytest.raises(RestoreRefused, match="the tenant steel only"):
        restore_whole(place, single, tmp_path / "new", url)
    for revision in ("9999",):
        with database.opened(plant.settings.data_dir / "metadata.sqlite", write=True) as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :n"), {"n": revision})
    with pytest.raises(NewerDatabase, match="9999"):
        back_up(plant)
    # A later version of the platform would have made one.
    monkeypatch.setattr(create, "_check_revision", lambda _url: None)
    later = back_up(plant)
    with pytest.raises(NewerDatabase, match="9999"):
        restore_whole(place, later, tmp_path / "new", url)
    newer = again(place, made)
    sealed = place.folder / "backups" / f"{newer.name}.backup"
    for data in (b"TNDBAK2\n" + sealed.read_bytes()[8:],):
        sealed.write_bytes(data)
        with pytest.raises(NewerFormat, match="later version"):
            read_manifest(place, newer.name)
    assert not (tmp_path / "new").exists()


def test_another_key_opens_nothing(place: BackupPlace, tmp_path: Path) -> None:
    new_key_file(tmp_path / "other.key")
    with pytest.raises(KeyUnusable, match="another key"):
        BackupPlace(place.folder, BackupKey.of_file(tmp_path / "other.key"))


def test_a_place_of_a_later_version_is_refused(place: BackupPlace, key_file: Path) -> None:
    head = place.folder / "tundish-backups.json"
    head.write_text(json.dumps(json.loads(head.read_text()) | {"format": 2}))
    with pytest.raises(NewerFormat, match="format 2"):
        BackupPlace(place.folder, BackupKey.of_file(key_file))


def test_files_elsewhere_come_back_beside_the_data(
    plant: Plant, place: BackupPlace, tmp_path: Path, back_up: Callable[..., Manifest]
) -> None:
    (tmp_path / "people.key").write_text("p")
    plant.settings.people.key_file = tmp_path / "people.key"
    made = back_up(plant)
    data_dir = tmp_path / "new"
    restore_whole(place, made, data_dir, f"sqlite:///{data_dir / 'metadata.sqlite'}")
    assert (data_dir / OUTSIDE / "people.key_file").read_text() == "p"


def chunk_files(place: BackupPlace) -> list[Path]:
    return sorted((path for path in place.folder.glob("chunks/*/*")), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone", "swapped"])
def test_damage_of_any_chunk_is_found_by_verify_and_by_the_drill(
    plant: Plant,
    place: BackupPlace,
    back_up: Callable[..., Manifest],
    harm: str,
) -> None:
    plant.write()
    made = back_up(plant)
    assert verify(place).faults == {}
    files = chunk_files(place)
    assert len(files) > 5
    for at, file in enumerate(files):
        was = file.read_bytes()
        if harm == "flipped":
            file.write_bytes(was[:-20] + bytes([was[-20] ^ 1]) + was[-19:])
        elif harm == "cut":
            file.write_bytes(was[: len(was) // 2])
        elif harm == "gone":
            file.unlink()
        else:
            file.write_bytes(files[at - 1].read_bytes())
        verdict = verify(place)
        assert list(verdict.faults) == [made.name], file
        assert (
            file.name in verdict.chunks or "index" in str(verdict.faults) or file.name in str(verdict.faults)
        )
        if at in {0, len(files) - 1}:
            report = drill(place, made)
            assert not report.passed
        file.write_bytes(was)
    assert drill(place, made).passed


def test_a_damaged_manifest_is_found_and_keeps_nothing_else_from_being_looked_at(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    made, other = back_up(plant), back_up(plant)
    path = place.folder / "backups" / f"{made.name}.backup"
    (place.folder / "backups" / f"{other.name}.backup").replace(path)
    verdict = verify(place)
    assert (verdict.backups, list(verdict.faults)) == (1, [made.name])


def test_content_that_was_put_aside_is_stored_anew(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant.write()
    made = back_up(plant)
    for file in chunk_files(place):
        file.write_bytes(b"x" * file.stat().st_size)
    for chunk in verify(place).chunks | {file.name for file in chunk_files(place)}:
        place.put_aside(chunk)
    assert verify(place).faults != {}
    healed = back_up(plant)
    assert drill(place, healed).passed
    assert list(verify(place).faults) in ([], [made.name])


@contextmanager
def changed_database(
    place: BackupPlace, manifest: Manifest, change: str, tmp_path: Path
) -> Iterator[Manifest]:
    """A backup whose database lacks something, sealed with the right key and under right digests."""
    copy = tmp_path / "changed.sqlite"
    place.write_to(manifest.database.content, copy)
    with database.opened(copy, write=True) as connection:
        assert connection.execute(sa.text(change)).rowcount >= 1
    with copy.open("rb") as file:
        content = place.keep(file, chunk=SMALL_CHUNK)
    entry = manifest.database.model_copy(update={"content": content}).model_dump(mode="json")
    yield again(place, manifest, database=entry)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM membership", "table membership has 0 rows, not 1"),
        ("UPDATE tenant SET name_zh = 'x' WHERE slug = 'power'", "table tenant has other values"),
        ("UPDATE audit_entry SET actor = 'li'", "audit trail"),
        ("DELETE FROM segment WHERE id = 1", "signal 1 has"),
        ("UPDATE sealed_up_to SET sequence = 99", "rows, not"),
    ],
)
def test_the_drill_fails_if_the_database_lacks_a_row_or_has_another_value(
    plant: Plant,
    place: BackupPlace,
    back_up: Callable[..., Manifest],
    tmp_path: Path,
    change: str,
    fault: str,
) -> None:
    plant.write()
    with changed_database(place, back_up(plant), change, tmp_path) as worse:
        assert verify(place).faults == {}
        report = drill(place, worse)
    assert any(fault in one for one in report.faults), report.faults


@pytest.mark.parametrize("lost", ["log", "first_level", "segment", "swapped", "tenant"])
def test_the_drill_fails_if_rows_are_lost_although_every_digest_is_right(
    plant: Plant,
    place: BackupPlace,
    back_up: Callable[..., Manifest],
    lost: str,
) -> None:
    plant.write()
    made = back_up(plant)
    told = made.model_dump(mode="json")
    if lost in {"log", "first_level"}:
        worse = again(place, made, **{lost: told[lost][:-1]})
    else:
        index = read_index(place, made.tenants["steel"])
        if lost == "swapped":
            other = read_index(place, made.tenants["power"])
            index.segments[0].content = other.segments[0].content
        elif lost == "segment":
            index.segments.pop(0)
        else:
            index.facts[SampleKind.NUMERIC].popitem()
        told["tenants"]["steel"]["index"] = place.keep_bytes(index.model_dump_json().encode()).model_dump()
        worse = again(place, made, tenants=told["tenants"])
    report = drill(place, worse)
    assert report.faults, lost
    assert drill(place, made).passed


def test_a_chunk_that_is_not_what_its_name_says_is_refused(place: BackupPlace) -> None:
    one, other = place.put(b"one"), place.put(b"other")
    path = place.folder / "chunks" / one.name[:2] / one.name
    path.write_bytes((place.folder / "chunks" / other.name[:2] / other.name).read_bytes())
    with pytest.raises(Damaged, match=one.name):
        place.get(one)
