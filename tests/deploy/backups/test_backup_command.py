"""`tundish backup` and `tundish restore` as an operator types them; which backups stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tundish_deploy.backups import create as creating
from tundish_deploy.backups.keeping import chosen, let_go
from tundish_deploy.backups.place import BackupPlace, PlaceInUse, PlaceUnusable
from tundish_deploy.backups.sealing import BackupKey, Damaged, KeyUnusable
from tundish_deploy.backups.verify import verify
from tundish_deploy.backupsettings import KeepSettings
from tundish_deploy.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from conftest import Plant

    from tundish_deploy.backups.manifest import Manifest


def tundish(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def told(answer: Result) -> dict[str, Any]:
    assert answer.exit_code == 0, answer.output
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.fixture
def settings_file(plant: Plant, tmp_path: Path) -> Path:
    file = tmp_path / "tundish.toml"
    file.write_text(
        f'data_dir = "{plant.settings.data_dir}"\n[backup]\nplace = "{tmp_path / "place"}"\n'
        f'key_file = "{tmp_path / "the.key"}"\n[backup.keep]\nlast = 1\ndaily = 0\nweekly = 0\nmonthly = 0\n'
    )
    return file


def test_a_backup_is_made_listed_verified_drilled_restored_and_let_go(
    plant: Plant, settings_file: Path, tmp_path: Path
) -> None:
    plant.write()
    given = ["--settings", str(settings_file), "--json"]
    assert tundish("backup", "create", *given).exit_code == 1
    assert "keep a copy" in tundish("backup", "key", str(tmp_path / "the.key")).stdout
    assert tundish("backup", "key", str(tmp_path / "the.key")).exit_code == 1
    first = told(tundish("backup", "create", *given))
    second = told(tundish("backup", "create", *given))
    single = told(tundish("backup", "create", "--tenant", "steel", *given))
    listed = told(tundish("backup", "list", *given))["backups"]
    assert [one["name"] for one in listed] == [first["name"], second["name"], single["name"]]
    assert told(tundish("backup", "verify", "--within", "1", *given))["backups"] == 3
    assert told(tundish("backup", "drill", first["name"], *given))["rows"] == {"numeric": 1022, "text": 2}
    new = tmp_path / "new.toml"
    new.write_text(settings_file.read_text().replace(str(plant.settings.data_dir), str(tmp_path / "new")))
    report = told(tundish("restore", second["name"], "--settings", str(new), "--json"))
    assert report["rows"] == {"numeric": 1022, "text": 2}
    assert (tmp_path / "new" / "metadata.sqlite").exists()
    assert tundish("restore", second["name"], "--settings", str(new)).exit_code == 1
    assert told(tundish("backup", "keep", "--dry-run", *given))["let_go"] == [first["name"]]
    assert told(tundish("backup", "keep", *given))["let_go"] == [first["name"]]
    assert told(tundish("backup", "verify", *given))["backups"] == 2


def test_what_is_wrong_is_said_plainly(plant: Plant, settings_file: Path, tmp_path: Path) -> None:
    assert plant.store
    given = ["--settings", str(settings_file)]
    tundish("backup", "key", str(tmp_path / "the.key"))
    assert "holds no backups" in tundish("backup", "list", *given).stderr.replace("\n", " ")
    tundish("backup", "create", *given)
    wrong = tundish("backup", "drill", "yesterday", *given)
    assert "no backup yesterday" in wrong.stderr.replace("\n", " ")
    inside = tmp_path / "place" / "the.key"
    inside.write_bytes((tmp_path / "the.key").read_bytes())
    answer = tundish("backup", "create", *given, "--key-file", str(inside))
    assert "would have their key" in answer.stderr.replace("\n", " ")
    (tmp_path / "the.key").write_text("nonsense")
    assert "no key of a backup" in tundish("backup", "list", *given).stderr.replace("\n", " ")


def test_damage_ends_verify_and_drill_with_a_code(plant: Plant, settings_file: Path, tmp_path: Path) -> None:
    plant.write()
    given = ["--settings", str(settings_file), "--json"]
    tundish("backup", "key", str(tmp_path / "the.key"))
    tundish("backup", "create", *given)
    chunk = max((tmp_path / "place").glob("chunks/*/*"), key=lambda path: path.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert tundish("backup", "drill", *given).exit_code == 1
    answer = tundish("backup", "verify", "--put-aside", *given)
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["damaged_chunks"] == [chunk.name]
    # The next one stores it anew, which mends the one before as well.
    tundish("backup", "create", *given)
    assert tundish("backup", "verify", *given).exit_code == 0


DAY = datetime(2026, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({"last": 2, "daily": 0, "weekly": 0, "monthly": 0}, [0, 0.5]),
        ({"last": 1, "daily": 3, "weekly": 0, "monthly": 0}, [0, 1, 2]),
        ({"last": 1, "daily": 0, "weekly": 3, "monthly": 0}, [0, 2, 9]),
        ({"last": 1, "daily": 0, "weekly": 0, "monthly": 3}, [0, 31, 59]),
    ],
)
def test_the_newest_of_each_day_week_and_month_stays(policy: dict[str, int], kept: list[float]) -> None:
    ages = [0, 0.5, *range(1, 90)]
    found = chosen([DAY - timedelta(days=age) for age in ages], KeepSettings.model_validate(policy))
    assert sorted((DAY - at) / timedelta(days=1) for at in found) == kept


def test_letting_go_removes_nothing_that_a_kept_backup_needs(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    policy = KeepSettings(last=1, daily=0, weekly=0, monthly=0)
    plant.append([(1, at, float(at)) for at in range(3000)])
    plant.store.seal()
    made = [back_up(plant)]
    plant.append([(1, 90_000 + at, float(at)) for at in range(3000)])
    made += [back_up(plant), back_up(plant, "steel")]
    report = let_go(place, policy)
    assert report["let_go"] == [made[0].name]
    assert report["chunks"] >= 1
    assert verify(place).faults == {}
    assert place.backups() == sorted([made[1].name, made[2].name])
    assert let_go(place, policy)["chunks"] == 0


def test_nothing_is_let_go_while_a_kept_backup_cannot_be_read(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant.write()
    made = [back_up(plant), back_up(plant)]
    before = sorted(place.folder.glob("chunks/*/*"))
    path = place.folder / "backups" / f"{made[0].name}.backup"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Damaged):
        let_go(place, KeepSettings(last=1, daily=0, weekly=0, monthly=0))
    assert sorted(place.folder.glob("chunks/*/*")) == before
    assert len(place.backups()) == 2


def test_one_at_a_time_works_in_a_place(plant: Plant, place: BackupPlace, key_file: Path) -> None:
    other = BackupPlace(place.folder, BackupKey.of_file(key_file))
    with place.alone(), pytest.raises(PlaceInUse):
        creating.create_backup(plant.settings, other)


def test_a_folder_of_something_else_is_no_place(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("x")
    with pytest.raises(PlaceUnusable, match="not empty"):
        BackupPlace.make(tmp_path / "mine", BackupKey.of_file(key_file))
    with pytest.raises(KeyUnusable, match="cannot be read"):
        BackupKey.of_file(tmp_path / "nothing")
