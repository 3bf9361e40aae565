"""One tenant comes back into a platform that has others, and theirs is as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tundish_deploy.backups import database
from tundish_deploy.backups.restore import RestoreRefused
from tundish_deploy.backups.tenant import restore_tenant
from tundish_deploy.backups.tenantrows import KNOWN_BY, LEFT_BEHIND
from tundish_platform.audit import verify_trail
from tundish_platform.migrations.tables import target as tables
from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.removal import begin_removal
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_user, job_principal
from tundish_platform.tenancy.reach import Above, Reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Plant

    from tundish_deploy.backups.manifest import Manifest
    from tundish_deploy.backups.place import BackupPlace


def other_platform(new_plant: Callable[..., Plant], dialect: str) -> Plant:
    """A platform with power, and without steel."""
    other = new_plant(dialect)
    for number in range(40):
        other.append([(1, number, 1.0)], slug="power")
    other.open()
    with other.metadata.above(Above.OPERATOR).session() as session:
        session.connection().execute(sa.text("DELETE FROM tenant WHERE slug = 'steel'"))
    return other


@pytest.mark.parametrize("whole", [True, False])
def test_a_tenant_comes_into_a_platform_that_runs_and_others_are_as_they_were(
    new_plant: Callable[..., Plant],
    dialect: str,
    place: BackupPlace,
    back_up: Callable[..., Manifest],
    fill: Callable[..., None],
    whole: bool,
) -> None:
    plant = new_plant("sqlite")
    plant.write()
    with plant.metadata.engine.begin() as connection:
        own = dict(connection.execute(sa.text("SELECT * FROM tenant WHERE slug = 'steel'")).mappings().one())
        found = [one for one in database.tables_of(connection) if one.name not in LEFT_BEHIND]
        fill(connection, found, own)
    made = back_up(plant, None if whole else "steel")
    other = other_platform(new_plant, dialect)
    with other.metadata.above(Above.OPERATOR).session() as session:
        create_user(session, "li", "李", "x" * 20, {"power": [Role.OWNER]})
    before = others(other)
    report = restore_tenant(place, made, other.settings.data_dir, other.settings.database, "steel")
    assert report["rows"] == {"numeric": 511, "text": 1}
    assert others(other) == before
    assert rows_of(other, "steel") == expected_rows(plant, report["left_out"])
    other.look_up()
    assert other.values() == plant.values()
    assert other.values(3, "steel", SampleKind.TEXT) == ["läuft"]
    # Newer rows hold over restored ones, also when the writer starts again.
    other.append([(1, 0, 77.0)])
    other.open()
    assert other.values()[:2] == [77.0, 1.0]
    other.store.seal()
    assert other.store.verify() == []
    assert other.values()[:2] == [77.0, 1.0]
    with other.metadata.above(Above.OPERATOR).session() as session:
        assert not verify_trail(session, {}).faults
        trail = session.connection().execute(
            sa.text("SELECT action, tenant FROM audit_entry ORDER BY number")
        )
        assert trail.all()[-1] == ("tenant.restored", "steel")
    with pytest.raises(RestoreRefused, match="a tenant steel already"):
        restore_tenant(place, made, other.settings.data_dir, other.settings.database, "steel")


def others(plant: Plant) -> dict[str, list[Any]]:
    """All rows of other tenants."""
    with plant.metadata.above(Above.OPERATOR).session() as session:
        connection = session.connection()
        number = connection.scalar(sa.text("SELECT id FROM tenant WHERE slug = 'power'"))
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table).where(owner == number))))
            for table in database.tables_of(connection)
            if (owner := database.owner_of(table)) is not None
        } | {"values": plant.values(slug="power")}


def rows_of(plant: Plant, slug: str) -> dict[str, int]:
    with plant.metadata.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            Reach(above=Above.OPERATOR).set(connection)
        number = connection.scalar(sa.text("SELECT id FROM tenant WHERE slug = :slug"), {"slug": slug})
        return {
            table.name: connection.scalar(
                sa.select(sa.func.count()).select_from(table).where(owner == number)
            )
            for table in database.tables_of(connection)
            if (owner := database.owner_of(table)) is not None and table.name not in LEFT_BEHIND
        }


def expected_rows(plant: Plant, left_out: dict[str, int]) -> dict[str, int]:
    """What the tenant had, but for what hangs on people who are not there."""
    assert left_out.keys() <= {"alarm_contact", "membership", "token_grant", "invitation"}
    return {name: count - left_out.get(name, 0) for name, count in rows_of(plant, "steel").items()}


def test_numbers_that_are_taken_are_given_anew_and_what_refers_to_them_follows(
    new_plant: Callable[..., Plant], dialect: str, place: BackupPlace, back_up: Callable[..., Manifest],
) -> None:  # fmt: skip
    plant, other = new_plant("sqlite"), other_platform(new_plant, dialect)
    for one, slug in ((plant, "steel"), (other, "power")):
        with one.metadata.above(Above.OPERATOR).session() as session:
            connection = session.connection()
            for number, name in ((1, "hall"), (2, "line")):
                connection.execute(
                    sa.text(
                        "INSERT INTO asset"
                        " (id, tenant_id, parent_id, path, level, name_zh, name_en, position, version)"
                        " SELECT :id, id, CAST(:above AS INTEGER), :path, 'area', 'x', 'x', 0, 1 FROM tenant"
                        " WHERE slug = :slug"
                    ),
                    {"id": number, "above": number - 1 or None, "path": name, "slug": slug},
                )
    if dialect == "postgresql":
        with other.metadata.engine.begin() as connection:
            connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('asset', 'id'), 2)"))
    report = restore_tenant(place, back_up(plant), other.settings.data_dir, other.settings.database, "steel")
    assert "asset" in report["renumbered"]
    with other.metadata.above(Above.OPERATOR).session() as session:
        query = sa.text(
            "SELECT a.path, b.path, a.id FROM asset a JOIN asset b ON a.parent_id = b.id"
            " JOIN tenant t ON t.id = a.tenant_id AND t.id = b.tenant_id WHERE t.slug = 'steel'"
        )
        rows = session.connection().execute(query).all()
    assert [(below, above) for below, above, _ in rows] == [("line", "hall")]
    assert rows[0][2] > 2


def test_what_another_tenant_has_already_is_refused_and_nothing_is_left(
    new_plant: Callable[..., Plant], place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant, other = new_plant(), other_platform(new_plant, "sqlite")
    plant.write()
    for one, slug in ((plant, "steel"), (other, "power")):
        with one.metadata.engine.begin() as connection:
            connection.execute(sa.text("UPDATE tenant SET uscc = '91X' WHERE slug = :s"), {"s": slug})
    before = others(other)
    made = back_up(plant)
    for _ in range(2):
        with pytest.raises(RestoreRefused, match="another one's"):
            restore_tenant(place, made, other.settings.data_dir, other.settings.database, "steel")
    root = other.settings.data_dir / "store"
    assert not (root / "tenants" / "steel").exists()
    assert not (root / "restoring-steel").exists()
    assert others(other) == before
    with pytest.raises(RestoreRefused, match="does not have nobody"):
        restore_tenant(place, made, other.settings.data_dir, other.settings.database, "nobody")


def test_a_tenant_that_was_removed_by_mistake_comes_back_into_its_own_platform(
    plant: Plant, place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant.write()
    made, was = back_up(plant), plant.values()
    with plant.metadata.above(Above.OPERATOR).session() as session:
        who = job_principal(session, "tester", Role.PLATFORM_OPERATOR)
        begin_removal(session, access_tenant(who, "steel", Permission.OPERATE), "by mistake")
    plant.store.housekeep()
    report = restore_tenant(place, made, plant.settings.data_dir, plant.settings.database, "steel")
    plant.look_up()
    assert report["left_out"] == {}
    assert report["number"] > made.tenants["steel"].id
    assert plant.values() == was
    plant.open()
    assert plant.values() == was
    with plant.metadata.above(Above.OPERATOR).session() as session:
        query = "SELECT login, role, password_hash FROM membership JOIN user_account ON user_id = id"
        owners = session.connection().execute(sa.text(query)).all()
    # Removal took the person along, who had no other tenant.
    assert owners == [("wang", "owner", "")]
    assert report["people_without_password"] == ["wang"]


def test_a_writer_that_has_hardly_begun_has_to_be_stopped_first(
    new_plant: Callable[..., Plant], place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant, other = new_plant(), new_plant(begin=False)
    plant.write()
    made = back_up(plant)
    other.open()
    with pytest.raises(RestoreRefused, match="stop it"):
        restore_tenant(place, made, other.settings.data_dir, other.settings.database, "steel")
    other.store.close()
    restore_tenant(place, made, other.settings.data_dir, other.settings.database, "steel")


def test_somebody_else_of_the_same_log_in_gets_no_role(
    new_plant: Callable[..., Plant], place: BackupPlace, back_up: Callable[..., Manifest]
) -> None:
    plant, other = new_plant(), other_platform(new_plant, "sqlite")
    report = restore_tenant(place, back_up(plant), other.settings.data_dir, other.settings.database, "steel")
    # That platform's wang was made at another moment.
    assert report["left_out"] == {"membership": 1, "token_grant": 1}
    assert report["people_without_password"] == []
    with other.metadata.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT * FROM membership")).all() == []


def test_every_table_above_tenants_that_a_tenant_refers_to_has_a_way_to_be_found_again() -> None:
    found = {
        key.column.table.name
        for table in tables.sorted_tables
        if database.owner_of(table) is not None
        for key in table.foreign_keys
        if database.owner_of(key.column.table) is None and key.column.table.name != "tenant"
    }
    assert found == KNOWN_BY.keys()
