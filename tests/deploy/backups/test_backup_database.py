"""The database in a backup: every table's rows come out as they went in, from either kind into either."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tundish_deploy.backups import database
from tundish_deploy.backups.database import NotTheSame
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above, Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Plant


def filled(plant: Plant, fill: Callable[..., None]) -> dict[str, database.TableFacts]:
    with plant.metadata.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            Reach(above=Above.OPERATOR).set(connection)
        fill(connection, database.tables_of(connection))
    return facts(plant.metadata)


def facts(metadata: Metadata) -> dict[str, database.TableFacts]:
    with metadata.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            Reach(above=Above.OPERATOR).set(connection)
        return database.table_facts(connection)


def test_every_table_comes_out_as_it_went_in(
    new_plant: Callable[..., Plant], dialect: str, fill: Callable[..., None], tmp_path: Path
) -> None:
    plant = new_plant(dialect)
    was = filled(plant, fill)
    assert min(one.rows for one in was.values()) >= 1
    revision = database.snapshot(plant.settings.database, tmp_path / "copy.sqlite")
    with database.opened(tmp_path / "copy.sqlite") as connection:
        assert database.differing(database.table_facts(connection), was) == []
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == revision
        # Signals are found by their words, also where the index was made of another database's rows.
        assert (
            connection.scalar(sa.text("SELECT count(*) FROM signal_search WHERE words MATCH '\"钢10\"'"))
            is not None
        )


def test_rows_go_into_a_server_and_numbers_go_on_behind_them(
    new_plant: Callable[..., Plant],
    dialect: str,
    fill: Callable[..., None],
    new_server_url: Callable[..., str],
    tmp_path: Path,
) -> None:
    plant = new_plant(dialect)
    was = filled(plant, fill)
    with plant.metadata.above(Above.OPERATOR).session() as session:
        gone = create_tenant(session, "gone", "去", "gone")
        session.flush()
        number = gone.id
        session.delete(gone)
    was = facts(plant.metadata)
    revision = database.snapshot(plant.settings.database, tmp_path / "copy.sqlite")
    url = new_server_url()
    with database.opened(tmp_path / "copy.sqlite") as copy:
        database.fill_server(copy, url, revision)
    metadata = Metadata(url)
    assert database.differing(facts(metadata), was) == []
    with metadata.above(Above.OPERATOR).session() as session:
        assert create_tenant(session, "next", "下", "next").id > number
    metadata.close()


def test_a_server_that_has_tables_is_left_alone(
    new_plant: Callable[..., Plant], new_server_url: Callable[..., str], server_template: str, tmp_path: Path
) -> None:
    revision = database.snapshot(new_plant().settings.database, tmp_path / "copy.sqlite")
    url = new_server_url(server_template)
    with (
        database.opened(tmp_path / "copy.sqlite") as copy,
        pytest.raises(FileExistsError, match="tables already"),
    ):
        database.fill_server(copy, url, revision)


def test_a_server_is_read_at_one_moment_while_others_write(
    new_plant: Callable[..., Plant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = new_plant("postgresql")
    copying, written = threading.Event(), threading.Event()
    real = database.copy_rows

    def slow(source: sa.Connection, target: sa.Connection) -> None:
        copying.set()
        assert written.wait(30)
        real(source, target)

    def write() -> None:
        assert copying.wait(30)
        with plant.metadata.above(Above.OPERATOR).session() as session:
            create_tenant(session, "later", "后", "later")
        written.set()

    monkeypatch.setattr(database, "copy_rows", slow)
    writer = threading.Thread(target=write)
    writer.start()
    database.snapshot(plant.settings.database, tmp_path / "copy.sqlite")
    writer.join()
    with database.opened(tmp_path / "copy.sqlite") as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM tenant WHERE slug = 'later'")) == 0
    assert facts(plant.metadata)["tenant"].rows == 3


def test_a_copy_that_lacks_a_row_or_has_another_value_is_refused(
    new_plant: Callable[..., Plant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = new_plant("postgresql")
    real = database.copy_rows
    for number, change in enumerate(("DELETE FROM membership", "UPDATE tenant SET name_zh = 'x'")):

        def worse(source: sa.Connection, target: sa.Connection, change: str = change) -> None:
            real(source, target)
            target.execute(sa.text(change))

        monkeypatch.setattr(database, "copy_rows", worse)
        with pytest.raises(NotTheSame, match=change.split()[-1] if "DELETE" in change else "tenant"):
            database.snapshot(plant.settings.database, tmp_path / f"{number}.sqlite")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenant SET next_signal = next_signal + 1",
        "UPDATE tenant SET created_at = '2026-03-01 00:00:00.000001'",
        "UPDATE job SET result = NULL",
        "UPDATE alarm_rule SET hours = '[]'",
        "UPDATE segment SET damaged = 1 - damaged",
        "UPDATE sealed_document SET code = code || ' '",
    ],
)
def test_a_digest_shows_any_change(
    plant: Plant,
    fill: Callable[..., None],
    tmp_path: Path,
    change: str,
) -> None:
    was = filled(plant, fill)
    database.snapshot(plant.settings.database, tmp_path / "copy.sqlite")
    with database.opened(tmp_path / "copy.sqlite", write=True) as connection:
        assert connection.execute(sa.text(change)).rowcount >= 1
    with database.opened(tmp_path / "copy.sqlite") as connection:
        found = database.differing(database.table_facts(connection), was)
    assert found == [f"table {change.split()[1]} has other values"]
