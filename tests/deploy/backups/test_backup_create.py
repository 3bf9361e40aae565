"""Making backups while a writer writes: everything acknowledged is inside, and only what is new is stored."""

from __future__ import annotations

import random
import secrets
import threading
from typing import TYPE_CHECKING, Self

import pytest

from tundish_deploy.backups import moment as moments
from tundish_deploy.backups.create import BackupRefused, create_backup
from tundish_deploy.backups.drill import drill
from tundish_deploy.backups.manifest import contents, read_index, read_manifest
from tundish_deploy.backups.moment import NoStandingStill
from tundish_deploy.settings import Settings
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Plant

    from tundish_deploy.backups.manifest import Manifest
    from tundish_deploy.backups.place import BackupPlace


def spread(plant: Plant) -> None:
    """Rows in segments, in the first level and in the log, of every kind, some of them repeated."""
    plant.append([(1, at, at / 3) for at in range(1000)])
    plant.append([(2, at, at) for at in range(100)], SampleKind.INTEGER, "power")
    plant.store.seal()
    plant.append([(1, at, -1.0) for at in range(990, 1010)])
    plant.append([(3, 0, "läuft"), (3, 9, "")], SampleKind.TEXT)
    plant.store.spill()
    plant.append([(1, 1005, -2.0), (1, 90_000, 7.0), (4, 5, float("nan"))])
    plant.append([(5, 1, [1.0, 2.5]), (5, 2, [])], SampleKind.ARRAY)
    plant.append([(1, 20, 40, "disconnected")], SampleKind.GAP)


def test_rows_are_counted_wherever_they_lie_and_the_drill_finds_them_again(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    spread(plant)
    made = back_up(plant)
    assert made.tenants["steel"].rows == {"numeric": 1012, "text": 2, "array": 2, "gap": 1}
    assert made.tenants["power"].rows == {"integer": 100}
    days = read_index(place, made.tenants["steel"]).facts[SampleKind.NUMERIC]
    assert {day: facts.rows for day, facts in days.items()} == {
        "2026-03-01": {1: 1010, 4: 1},
        "2026-03-02": {1: 1},
    }
    report = drill(place, made)
    assert report.faults == []
    assert report.rows == {"numeric": 1012, "text": 2, "array": 2, "gap": 1, "integer": 100}
    assert (report.tenants, report.signals, report.audit_entries) == (2, 6, 1)
    assert report.tables == len(made.database.tables) > 90


def test_a_second_backup_stores_only_what_is_new(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    drawn = random.Random(4)  # noqa: S311 - values that do not compress
    plant.append([(1, at, drawn.random()) for at in range(50_000)])
    plant.store.seal()
    first, again = back_up(plant), back_up(plant)
    assert first.new_bytes > 50_000
    assert again.new_bytes == 0
    plant.append([(1, 90_000, 1.0)])
    third = back_up(plant)
    assert 0 < third.new_bytes < 30_000
    assert [manifest.rows["numeric"] for manifest in (first, again, third)] == [50_000, 50_000, 50_001]
    assert all(drill(place, made).passed for made in (first, third))


class Traffic:
    """One thread appends, another seals and spills, until told to stop."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._do, args=(work,)) for work in (self._write, self._move)
        ]
        self.safe = 0
        self.problems: list[BaseException] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _do(self, turn: Callable[[], None]) -> None:
        try:
            while not self._stopped.is_set():
                turn()
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.problems.append(error)

    def _write(self) -> None:
        self._plant.append([(1, self.safe + at, float(self.safe + at)) for at in range(50)])
        self.safe += 50

    def _move(self) -> None:
        for move in (self._plant.store.spill, self._plant.store.spill, self._plant.store.seal):
            move()


def test_everything_acknowledged_before_the_moment_is_inside_while_all_goes_on(
    plant: Plant, place: BackupPlace
) -> None:
    made = []
    with Traffic(plant) as traffic:
        for _ in range(6):
            before = traffic.safe
            made.append((before, create_backup(plant.settings, place)))
    assert traffic.problems == []
    counts = [backup.rows.get("numeric", 0) for _, backup in made]
    assert all(count >= before for (before, _), count in zip(made, counts, strict=True)), (made, counts)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    for _, backup in (made[0], made[-1]):
        report = drill(place, backup)
        assert report.faults == []
        assert report.rows["numeric"] == backup.rows.get("numeric", 0)


@pytest.mark.parametrize("before", [True, False])
def test_rows_that_wander_while_the_database_is_copied_are_in_one_of_both(
    plant: Plant,
    place: BackupPlace,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
) -> None:
    """Sealed before the copy they are in it, after it in the held log; in another order in neither."""
    plant.append([(1, at, 1.0) for at in range(100)])
    real = moments.snapshot

    def sealing(url: str, target: Path) -> str:
        if before:
            plant.store.seal()
        revision = real(url, target)
        plant.store.seal()
        assert list((plant.settings.data_dir / "store" / "log").glob("*.log")) == []
        return revision

    monkeypatch.setattr(moments, "snapshot", sealing)
    made = create_backup(plant.settings, place)
    assert made.rows == {"numeric": 100}
    assert drill(place, made).passed


@pytest.mark.parametrize("work", ["merge", "compact", "remove"])
def test_files_that_go_while_they_are_held_are_not_missed(
    plant: Plant,
    place: BackupPlace,
    monkeypatch: pytest.MonkeyPatch,
    work: str,
) -> None:
    plant.append([(1, at, 1.0) for at in range(100)])
    plant.store.spill() if work == "compact" else plant.store.seal()
    real, turns = moments.snapshot, []

    def racing(url: str, target: Path) -> str:
        revision = real(url, target)
        turns.append(revision)
        if len(turns) == 1:
            plant.append([(1, at, 2.0) for at in range(50, 150)])
            # Files that the copy names go before they are held.
            plant.store.seal()
            if work != "compact":
                rewrite(plant)
        return revision

    monkeypatch.setattr(moments, "snapshot", racing)
    made = create_backup(plant.settings, place)
    assert len(turns) == 2
    assert made.rows == {"numeric": 150}
    report = drill(place, made)
    assert report.faults == []


def rewrite(plant: Plant) -> None:
    """Write the tenant's segments under other names, as a merge does, and let the old files go."""
    scope = plant.scopes["steel"]
    tenants = plant.settings.data_dir / "store" / "tenants" / "steel"
    with plant.metadata.engine.begin() as connection:
        for path in list(tenants.rglob("*.parquet")):
            new = path.with_name(secrets.token_hex(4) + path.name[8:])
            path.rename(new)
            connection.exec_driver_sql(
                "UPDATE segment SET path = ? WHERE path = ? AND tenant_id = ?",
                (new.relative_to(tenants).as_posix(), path.relative_to(tenants).as_posix(), scope.tenant_id),
            )


def test_files_that_go_again_and_again_end_the_backup_and_nothing_appears(
    plant: Plant, place: BackupPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.append([(1, at, 1.0) for at in range(100)])
    plant.store.seal()
    real = moments.snapshot

    def racing(url: str, target: Path) -> str:
        revision = real(url, target)
        rewrite(plant)
        return revision

    monkeypatch.setattr(moments, "snapshot", racing)
    monkeypatch.setattr(moments, "TRIES", 3)
    with pytest.raises(NoStandingStill, match="went away"):
        create_backup(plant.settings, place)
    assert place.backups() == []
    assert list((plant.settings.data_dir / "store" / "held").iterdir()) == []


def test_a_backup_that_is_cut_off_leaves_nothing_and_the_next_one_goes_on_from_it(
    plant: Plant, place: BackupPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = random.Random(4)  # noqa: S311 - values that do not compress
    plant.append([(1, at, drawn.random()) for at in range(50_000)])
    plant.store.seal()

    def cut(_name: str, _manifest: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, "publish", cut)
        with pytest.raises(KeyboardInterrupt):
            create_backup(plant.settings, place)
    assert place.backups() == []
    stored = place.written
    (place.folder / "new").mkdir(exist_ok=True)
    (place.folder / "new" / "half").write_bytes(b"x")
    left = plant.settings.data_dir / "store" / "held" / "killed"
    left.mkdir()
    (left / "file").write_bytes(b"x")
    made = create_backup(plant.settings, place)
    assert stored > 50_000
    assert made.new_bytes < 2_000
    assert list((place.folder / "new").iterdir()) == []
    assert not left.exists()


def test_what_is_damaged_at_its_source_is_told_and_does_not_stop_the_rest(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant.append([(1, at, 1.0) for at in range(100)])
    plant.append([(1, 90_000, 1.0)])
    plant.store.seal()
    first = min((plant.settings.data_dir / "store" / "tenants").rglob("*.parquet"))
    first.write_bytes(b"x" * first.stat().st_size)
    assert plant.store.verify()
    made = back_up(plant)
    assert len(made.tenants["steel"].damaged) == 1
    assert made.rows == {"numeric": 1}
    assert drill(place, made).faults == []


def test_files_beside_the_store_come_along_and_the_key_never_does(
    plant: Plant, place: BackupPlace, key_file: Path, tmp_path: Path
) -> None:
    data = plant.settings.data_dir
    wanted = [
        "apps/ab.zip",
        "models/steel/l/m/1/card.json",
        "models.key",
        "edge/c/pki/own/key.pem",
        "later/x",
    ]
    spared = ["apps/unpacked/ab/x.py", "edge/c/spool/1", "logs/server.log", "cache/x", "a.tmp", "edge/c/lock"]
    for name in (*wanted, *spared):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(name)
    (data / "models.key").chmod(0o640)
    (data / "own.key").write_bytes(key_file.read_bytes())
    outside = tmp_path / "people.key"
    outside.write_text("second factors")
    settings = Settings.model_validate(
        {
            "data_dir": data,
            "people": {"key_file": outside},
            "backup": {"key_file": data / "own.key", "place": place.folder},
        }
    )
    made = create_backup(settings, place)
    assert sorted(file.path for file in made.files) == sorted(wanted)
    assert [file.path for file in made.outside] == ["people.key_file"]
    assert {file.path: file.mode for file in made.files}["models.key"] == 0o640
    key = key_file.read_bytes().strip()
    held = b"".join(place.read(content) for _, content in contents(place, made))
    assert key not in held
    assert b"second factors" in held


def test_a_place_tells_nothing_without_its_key(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant.append([(3, 0, "a very secret recipe")], SampleKind.TEXT)
    (plant.settings.data_dir / "plain.key").write_text("a very secret key")
    back_up(plant)
    stored = b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())
    assert b"tundish" in stored.lower() or b"TND" in stored
    for word in (b"a very secret", b"steel", b"canary", b"SQLite", b"PAR1", b"metadata"):
        assert word not in stored


def test_what_cannot_be_backed_up_is_refused(
    plant: Plant, place: BackupPlace, tmp_path: Path, back_up: Callable[..., Manifest]
) -> None:
    with pytest.raises(BackupRefused, match="no platform"):
        create_backup(Settings(data_dir=tmp_path / "nothing"), place)
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(BackupRefused, match="no tenant nobody"):
        back_up(plant, "nobody")
    many = Settings.model_validate(
        {
            "data_dir": plant.settings.data_dir,
            "store": {"mode": "cluster", "cluster": {"nats": ["nats://127.0.0.1:1"], "objects": "s3://b/p"}},
        }
    )
    with pytest.raises(BackupRefused, match="many machines"):
        create_backup(many, place)
    assert place.backups() == []


def test_a_backup_of_one_tenant_holds_nothing_of_others(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    spread(plant)
    plant.append([(9, 0, "power's own recipe")], SampleKind.TEXT, "power")
    made = back_up(plant, "steel")
    assert list(made.tenants) == ["steel"]
    held = b"".join(place.read(content) for _, content in contents(place, made))
    assert b"power" not in held
    assert b"$argon2" not in held
    report = drill(place, made)
    assert report.faults == []
    assert report.rows == {"numeric": 1012, "text": 2, "array": 2, "gap": 1}
    assert read_manifest(place, made.name) == made
