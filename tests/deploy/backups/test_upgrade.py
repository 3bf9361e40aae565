"""From the version before to this one, with data, on both databases; and back by the backup made first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from typer.testing import CliRunner

from tundish_deploy import upgrading
from tundish_deploy.backups import database
from tundish_deploy.backups.manifest import read_manifest
from tundish_deploy.backups.restore import restore_whole
from tundish_deploy.cli import app
from tundish_deploy.settings import Settings
from tundish_deploy.stores import prepare
from tundish_deploy.upgrading import UpgradeRefused, run_upgrade
from tundish_platform.migrations import NewerDatabase, configuration, upgrade, waiting
from tundish_platform.store import Telemetry
from tundish_platform.store.log.records import MAGIC
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above, Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Plant

    from tundish_deploy.backups.manifest import Manifest
    from tundish_deploy.backups.place import BackupPlace


def revisions() -> list[str]:
    scripts = ScriptDirectory.from_config(configuration(None))  # type: ignore[arg-type] # only the scripts
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


NEWEST, BEFORE = revisions()[-1], revisions()[-2]


@pytest.fixture
def old(
    dialect: str, tmp_path: Path, new_server_url: Callable[..., str], fill: Callable[..., None]
) -> Settings:
    """A place as the version before left it: rows in every table, and samples."""
    data_dir = tmp_path / "old" / "data"
    data_dir.mkdir(parents=True)
    url = new_server_url() if dialect == "postgresql" else None
    settings = Settings(data_dir=data_dir, metadata_url=url)
    metadata = Metadata(settings.database)
    with metadata.engine.begin() as connection:
        command.upgrade(configuration(connection), BEFORE)
    with metadata.engine.begin() as connection:
        if dialect == "postgresql":
            Reach(above=Above.OPERATOR).set(connection)
        fill(connection, [one for one in database.tables_of(connection) if one.name not in WRITER])
        connection.execute(sa.text("UPDATE tenant SET slug = 'steel'"))
    metadata.close()
    return settings


# What the store itself keeps; rows of made-up files would only be found damaged.
WRITER = {"segment", "sealed_up_to", "retired_segment", "first_level", "tenant_removal", "retention_record",
          "store_policy", "signal_removal", "log_fence"}  # fmt: skip


def write(settings: Settings, batches: list[object]) -> list[object]:
    """Append, partly sealed; returns what is read then."""
    metadata = Metadata(settings.database)
    with metadata.above(Above.OPERATOR).session() as session:
        scope = access_tenant(job_principal(session, "t", Role.ANALYST), "steel", Permission.READ)
    root = settings.data_dir / "store"
    store = Telemetry(root, metadata.above(Above.STORE), background=False)
    for one in batches:
        store.append(scope, [one])  # type: ignore[list-item] # batches of the fixture
        if one is batches[0]:
            store.seal()
    found = store.tenant_store(scope).read("numeric", [1], None, None)["value"].to_pylist()  # type: ignore[arg-type]
    store.close()
    metadata.close()
    return list(found)


def facts(settings: Settings) -> dict[str, database.TableFacts]:
    metadata = Metadata(settings.database)
    with metadata.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            Reach(above=Above.OPERATOR).set(connection)
        found = database.table_facts(connection)
    metadata.close()
    return found


def test_the_version_before_is_upgraded_with_its_data_and_comes_back_from_the_backup(
    old: Settings,
    make_batch: Callable[..., object],
    place: BackupPlace,
    back_up_settings: Callable[[Settings], Manifest],
    tmp_path: Path,
) -> None:
    batches = [make_batch([(1, at, float(at)) for at in range(100)]), make_batch([(1, 200, 7.0)])]
    was_values, was = write(old, batches), facts(old)
    done = run_upgrade(old, lambda: back_up_settings(old).name)
    assert (done.before, done.after, done.faults) == (BEFORE, NEWEST, [])
    assert [revision for revision, _ in done.steps] == [NEWEST]
    assert done.steps[0][1]
    assert was.items() <= facts(old).items() or set(done.rows) <= set(was)
    assert write(old, []) == was_values
    assert run_upgrade(old, None).steps == []
    # The way back: the backup is of the version before, as that version left it.
    back = Settings(data_dir=tmp_path / "back")
    manifest = read_manifest(place, done.backup or "")
    restore_whole(place, manifest, back.data_dir, back.database)
    assert manifest.database.revision == BEFORE
    assert facts(back) == was
    with database.opened(back.data_dir / "metadata.sqlite") as connection:
        assert [revision for revision, _ in waiting(connection)] == [NEWEST]
    assert write(back, []) == was_values


def test_a_row_that_a_migration_loses_is_told(old: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = upgrading.upgrade

    def losing(metadata: Metadata) -> None:
        real(metadata)
        with metadata.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                Reach(above=Above.OPERATOR).set(connection)
            connection.execute(sa.text("DELETE FROM alarm_event"))

    monkeypatch.setattr(upgrading, "upgrade", losing)
    done = run_upgrade(old, None)
    assert done.faults == ["table alarm_event had 2 rows and has 0"]


def test_a_backup_that_fails_leaves_the_old_version_alone(old: Settings) -> None:
    def failing() -> str:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        run_upgrade(old, failing)
    metadata = Metadata(old.database)
    with metadata.engine.connect() as connection:
        assert [revision for revision, _ in waiting(connection)] == [NEWEST]
    metadata.close()


def test_what_runs_is_not_upgraded(plant: Plant) -> None:
    with pytest.raises(UpgradeRefused, match="The platform runs"):
        run_upgrade(plant.settings, None)


def test_a_log_of_another_version_is_refused(plant: Plant) -> None:
    plant.append([(1, 0, 1.0)])
    plant.store.close()
    file = next((plant.settings.data_dir / "store" / "log").glob("*.log"))
    file.write_bytes(b"TNDLOG9\n" + file.read_bytes()[len(MAGIC) :])
    with plant.metadata.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :n"), {"n": BEFORE})
    with pytest.raises(UpgradeRefused, match="another version"):
        run_upgrade(plant.settings, None)


def test_an_older_version_does_not_touch_a_newer_database(
    new_plant: Callable[..., Plant], dialect: str, tmp_path: Path
) -> None:
    plant = new_plant(dialect)
    plant.store.close()
    with plant.metadata.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabase, match=rf"9999.*{NEWEST}"):
        upgrade(plant.metadata)
    with pytest.raises(SystemExit, match="later version of the platform"):
        prepare(plant.settings)
    file = tmp_path / "tundish.toml"
    url = plant.settings.metadata_url
    file.write_text(
        f'data_dir = "{plant.settings.data_dir}"\n' + (f'metadata_url = "{url}"\n' if url else "")
    )
    for words in (["up"], ["metadata", "upgrade"], ["upgrade", "--no-backup"]):
        answer = CliRunner().invoke(app, [*words, "--settings", str(file)])
        assert answer.exit_code == 1, answer.output
        assert "9999" in answer.output
        assert "Traceback" not in answer.output


def test_the_command_backs_up_first_and_says_what_changed(
    plant: Plant, tmp_path: Path, key_file: Path, place: BackupPlace
) -> None:
    plant.append([(1, 0, 1.0)])
    plant.store.close()
    with plant.metadata.engine.begin() as connection:
        command.downgrade(configuration(connection), BEFORE)
    file = tmp_path / "tundish.toml"
    file.write_text(f'data_dir = "{plant.settings.data_dir}"\n')
    refused = CliRunner().invoke(app, ["upgrade", "--settings", str(file)])
    assert refused.exit_code == 1
    assert "Name the folder of the backups" in refused.stderr
    given = ["--place", str(place.folder), "--key-file", str(key_file), "--settings", str(file), "--json"]
    answer = CliRunner().invoke(app, ["upgrade", *given])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert (told["before"], told["after"], told["backup"]) == (BEFORE, NEWEST, place.backups()[0])
    again = CliRunner().invoke(app, ["upgrade", *given[:-1]])
    assert "Up to date" in again.stdout
    assert len(place.backups()) == 1
