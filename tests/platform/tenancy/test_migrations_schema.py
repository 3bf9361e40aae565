import threading
import time

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from tundish_platform.migrations import upgrade
from tundish_platform.migrations.tables import target
from tundish_platform.tenancy.metadata import Base, Metadata, TenantOwned

# Tables without an owner, each with its reason.
ABOVE_TENANTS = {
    "first_level": "the writer's own files, shared by its tenants and read by nobody else",
    "tenant_removal": "the receipt outlives its tenant",
    "tenant": "is the owner",
    "user_account": "a person may belong to several tenants; what they may do where is in membership",
    "user_role": "roles above tenants: the bureau's and the operator's",
    "login_attempt": "wrong passwords, counted before anyone knows whose they are",
    "api_token": "a service may serve several tenants; what it may do where is in token_grant",
    "token_role": "roles above tenants",
    "log_fence": "a row for each partition of the log, of many tenants; holds a writer's number only",
    "sealed_up_to": "the store writer's own book-keeping, a row per tenant, read at start-up only",
    "audit_entry": "the trail outlives the tenant whose removal it records, and its chain runs through all",
    "audit_head": "the end of the trail, one row",
    "person_session": "a person's; which tenants they may enter is in membership",
    "second_factor": "a person's own, in all their tenants",
    "recovery_code": "a person's own, in all their tenants",
    "passkey": "a person's own, in all their tenants",
    "challenge": "what a browser was asked, most often before anyone knows who sits there",
    "identity_version": "one number, counted up with every change of anybody's rights",
    "identity": "a person as an identity provider knows them",
    "enterprise": "the programme's register; an enterprise may have no tenant",
    "evidence": "what the programme publishes of an enterprise",
    "peer_cell": "quartiles over six enterprises or more, of which it names none",
    "rating_cell": "sums over five tenants or more, of which it names none",
    "use_cell": "the same of how an app is used",
    "register_change": "the bureau's register, as are the next six: of enterprises, which may have no tenant",
    "register_head": "the end of the register's changes, one row",
    "register_fact": "what a change of the register said of an enterprise",
    "register_entry": "what is known now of an enterprise of the register",
    "register_contact": "persons whom the bureau's officers talk to; for officers only",
    "register_merge": "two entries of the register that are one enterprise",
    "register_import": "a file of an officer that waits for confirmation",
    "simulated_city": "that all of the database is a made city's, one row",
    "frozen_month": "facts of all enterprises of the register, counts and shares without a value or a name",
    "programme_series": "figures counted from the frozen months",
    "programme_target": "what the bureau wants of a county, an industry or a park",
    "external_fact": "what an officer entered of an enterprise of the register",
    "programme_report": "what the bureau reported of a month, of no single enterprise",
    "publication": "figures of all enterprises together",
    "published_figure": "what everybody may read, of no single enterprise",
    "log_head": "the state of the log of published figures",
    "evidence_opening": "what a publication commits to of an enterprise of the register",
    "suspicion": "the bureau's list of where to inspect, of enterprises of the register",
}


def differences(metadata: Metadata, wanted: MetaData = target) -> list[object]:
    with metadata.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [one for one in compare_metadata(context, wanted) if not of_search(one)]


def of_search(difference: object) -> bool:
    """The index in which signals are searched is no table of the models: each database has another one."""
    what = difference[1] if isinstance(difference, tuple) else None
    return str(getattr(what, "name", "")).startswith("signal_search")


def test_the_migrations_lead_to_the_tables_of_the_models(metadata: Metadata) -> None:
    assert differences(metadata) == []


def test_the_comparison_notices_a_table_and_a_column_that_no_migration_makes(metadata: Metadata) -> None:
    changed = MetaData(naming_convention=target.naming_convention)
    for table in target.sorted_tables:
        table.to_metadata(changed)
    Table("forgotten", changed, Column("id", Integer, primary_key=True))
    changed.tables["tenant"].append_column(Column("forgotten", Integer))
    assert len(differences(metadata, changed)) == 2


def test_migrating_twice_changes_nothing_and_keeps_rows(metadata: Metadata) -> None:
    upgrade(metadata)
    assert differences(metadata) == []


def test_servers_that_start_together_migrate_one_after_the_other(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = [Metadata(empty_url), Metadata(empty_url)]
    failures: list[Exception] = []
    inside: list[int] = []
    most_inside: list[int] = []
    run = command.upgrade

    def watched(config: Config, revision: str) -> None:
        inside.append(1)
        time.sleep(0.2)
        most_inside.append(len(inside))
        run(config, revision)
        inside.pop()

    def start(database: Metadata) -> None:
        try:
            upgrade(database)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall tell
            failures.append(error)

    monkeypatch.setattr(command, "upgrade", watched)
    threads = [threading.Thread(target=start, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert most_inside == [1, 1]
    assert differences(databases[0]) == []
    for database in databases:
        database.close()


def test_a_migration_that_fails_leaves_no_half_made_tables(empty_url: str) -> None:
    metadata = Metadata(empty_url)
    with metadata.engine.begin() as connection:
        # The last table the migration makes is there already, so it fails at its very end.
        connection.exec_driver_sql("CREATE TABLE grant_ (id INTEGER)")
    with pytest.raises(Exception, match="grant_"):
        upgrade(metadata)
    assert inspect(metadata.engine).get_table_names() == ["grant_"]
    metadata.close()


def test_every_table_belongs_to_a_tenant_or_says_why_not() -> None:
    owned = {
        mapper.local_table.name  # type: ignore[attr-defined] # mapped classes here all have a table
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, TenantOwned)
    }
    assert set(target.tables) - owned == set(ABOVE_TENANTS)
    for table in target.tables.values():
        # What hangs on a tenant's row is the tenant's too, and has a policy of its own.
        above = {key.column.table.name for column in table.columns for key in column.foreign_keys}
        assert table.name in owned or not above & owned, table.name
    for name in owned:
        column = target.tables[name].c.tenant_id
        assert not column.nullable, name
        assert {key.target_fullname for key in column.foreign_keys} == {"tenant.id"}, name
