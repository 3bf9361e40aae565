"""Every statement on a tenant's table names the tenant: good and bad examples, and this code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tundish_deploy.checks import tenants
from tundish_deploy.checks.tenants import Finding, findings, found_in, owned_models, unexcused
from tundish_platform.migrations.tables import target
from tundish_platform.tenancy.metadata import Base, TenantOwned

ROOT = Path(__file__).parents[2]
MODELS = {"Alarm": "alarm", "Signal": "signal"}

GOOD = {
    "a filter in the statement": "session.scalars(select(Alarm).where(Alarm.tenant_id == scope.tenant_id))",
    "the other way round": "select(Alarm.id).where(scope.tenant_id == Alarm.tenant_id)",
    "a statement that is kept": "select(Alarm.id).where(Alarm.tenant_id == SCOPE.tenant_id)",
    "a filter that was named before": "mine = (Alarm.tenant_id == scope.tenant_id, Alarm.id == 1)\n    "
    "session.execute(update(Alarm).where(*mine).values(id=2))",
    "a helper with the filter": "session.scalar(select(Alarm).where(*_mine(scope)))",
    "a join bound to a filtered table": "select(Alarm).join(Signal, Signal.tenant_id == Alarm.tenant_id)"
    ".where(Alarm.tenant_id == scope.tenant_id)",
    "a filtered statement in a filtered statement": "select(Alarm).where(Alarm.tenant_id == scope.tenant_id, "
    "Alarm.id.in_(select(Signal.id).where(Signal.tenant_id == scope.tenant_id)))",
    "a key with the tenant": "session.get(Signal, (scope.tenant_id, 7))",
    "a table without an owner": "select(Tenant).where(Tenant.slug == slug)",
    "a lookup in a dictionary": "known.get(path)",
    "SQL on another table": "session.execute(text('SELECT * FROM tenant'))",
    "something else that is called above": "rule.above(Limit.HIGH)",
}
BAD = {
    "no filter": "session.scalars(select(Alarm))",
    "another filter": "session.scalars(select(Alarm).where(Alarm.id == alarm_id))",
    "a filter on a literal": "select(Alarm).where(Alarm.tenant_id == 1)",
    "a comparison that lets others in": "select(Alarm).where(Alarm.tenant_id != scope.tenant_id)",
    "a column only": "select(func.max(Alarm.id))",
    "the filter of another table": "select(Alarm).where(Signal.tenant_id == scope.tenant_id)",
    "an update": "session.execute(update(Alarm).values(active=False))",
    "a delete": "session.execute(delete(Alarm).where(Alarm.id == 1))",
    "a join that is not bound": "select(Alarm).join(Signal, Signal.id == Alarm.id)"
    ".where(Alarm.tenant_id == scope.tenant_id)",
    "a statement within one": "select(Alarm).where(Alarm.tenant_id == scope.tenant_id, "
    "Alarm.id.in_(select(Signal.id)))",
    "a statement beside a filtered one": "a = select(Alarm).where(Alarm.tenant_id == scope.tenant_id)\n"
    "    b = select(Alarm)",
    "a key without the tenant": "session.get(Alarm, 7)",
    "the old way to ask": "session.query(Alarm).all()",
    "a count": "select(func.count()).select_from(Alarm)",
    "plain SQL": "session.execute(text('SELECT * FROM alarm WHERE id = 1'))",
    "plain SQL past SQLAlchemy": "connection.exec_driver_sql('DELETE FROM signal')",
    "plain SQL with values in it": "session.execute(text(f'UPDATE signal SET id = {number}'))",
    "the table by its name": "select(Base.metadata.tables['signal'])",
    "the class's table": "select(Alarm.__table__)",
    "work above tenants": "metadata.above(Above.OPERATOR).session()",
}


def found(body: str) -> list[str]:
    source = (
        "def _mine(scope):\n    return Alarm.tenant_id == scope.tenant_id, Alarm.active\n"
        f"def view(session, scope):\n    {body}\n"
    )
    return [finding.where for finding in findings({"m.py": source}, MODELS)]


@pytest.mark.parametrize("name", GOOD)
def test_what_names_its_tenant_passes(name: str) -> None:
    assert found(GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_what_names_none_is_found_and_where(name: str) -> None:
    assert set(found(BAD[name])) == {"view"}


@pytest.fixture(scope="module")
def here() -> list[Finding]:
    return found_in(ROOT)


def test_this_code_passes_and_its_exemptions_are_needed(here: list[Finding]) -> None:
    assert unexcused(here) == []


def test_an_exemption_that_nothing_needs_is_found(
    here: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tenants.EXEMPT, "platform/tundish_platform/tenancy/accounts.py::gone", "a reason")
    assert [line.split(": ")[0] for line in unexcused(here)] == [
        "platform/tundish_platform/tenancy/accounts.py::gone"
    ]


def test_an_exemption_taken_away_leaves_a_finding(
    here: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    for listed in (tenants.EXEMPT, tenants.ABOVE):
        monkeypatch.delitem(listed, next(iter(listed)))
    assert len(unexcused(here)) >= 2


def test_every_model_with_an_owner_is_known_to_the_rule() -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "platform").rglob("*.py")]
    named = owned_models(trees)
    mapped = {
        mapper.class_.__name__: mapper.local_table.name  # type: ignore[attr-defined] # all have a table
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, TenantOwned)
    }
    assert named == mapped
    assert set(mapped.values()) <= set(target.tables)
