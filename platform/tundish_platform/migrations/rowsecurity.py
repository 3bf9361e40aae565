"""Row-level security of PostgreSQL: what a migration calls for its tables, and what finds weak spots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import text

from tundish_platform.tenancy.reach import ABOVE_ROLE, TENANT_ROLE, TENANT_SETTING

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATING: Final = "tundish.migrating"
"""Setting under which the tables' owner, whom FORCE keeps out too, reaches all rows while migrating."""

POLICIES: Final = {
    "tenant_rows": f"USING (tenant_id = NULLIF(current_setting('{TENANT_SETTING}', true), '')::integer)",
    # By name, not by membership: a log-in that inherits the role must still say that it works above tenants.
    "rows_above_tenants": f"TO {ABOVE_ROLE} USING (current_user = '{ABOVE_ROLE}')",
    "rows_in_migrations": f"TO CURRENT_USER USING (current_setting('{MIGRATING}', true) = 'on')",
}

# Databases of one cluster share roles, and several may be migrated at once.
_ROLE: Final = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  IF NOT pg_has_role(current_user, '{role}',
    CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
    EXECUTE format('GRANT {role} TO %I', current_user);
  END IF;
END $$;
DO $$
DECLARE place text := format('IN SCHEMA %I', current_schema());
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema());
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES %s TO {role}', place);
  EXECUTE format('GRANT USAGE ON ALL SEQUENCES %s TO {role}', place);
  EXECUTE format('ALTER DEFAULT PRIVILEGES %s GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}',
    place);
  EXECUTE format('ALTER DEFAULT PRIVILEGES %s GRANT USAGE ON SEQUENCES TO {role}', place);
END $$;
"""
_OWNED: Final = """
SELECT DISTINCT c.relname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
WHERE k.contype = 'f' AND k.confrelid = to_regclass('tenant') AND a.attname = 'tenant_id'
ORDER BY 1
"""
_PROTECTED: Final = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity AND c.relforcerowsecurity
AND (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) = :policies
"""
_WEAK: Final = {
    "is a view that reads with its owner's rights": """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND (c.relkind = 'm' OR c.relkind = 'v' AND NOT
  COALESCE(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'],
    false))
""",
    "is a function that runs with its owner's rights": """
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.prosecdef
""",
    "is a role that passes by row-level security, or logs in by itself": """
SELECT rolname FROM pg_roles WHERE rolname IN (:tenant, :above) AND (rolsuper OR rolbypassrls OR rolcanlogin)
""",
    "belongs to a role that may only work on rows": """
SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname IN (:tenant, :above)
""",
    "is a role with another role's rights": """
SELECT r.rolname FROM pg_roles r
WHERE r.rolname IN (:tenant, :above) AND EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)
""",
    "is a log-in that passes by row-level security outside the platform's sessions": """
SELECT rolname FROM pg_roles WHERE rolname = session_user AND (rolsuper OR rolbypassrls)
""",
}


class Operations(Protocol):
    """Alembic's ``op``."""

    def get_bind(self) -> Connection:
        """The connection that is migrated."""
        ...


def protect(op: Operations, table: str) -> None:
    """Let only its tenant and named work above tenants reach a table's rows; on SQLite do nothing.

    Every migration that makes a table with an owner calls it, after the table is there.
    """
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    name = connection.dialect.identifier_preparer.quote(table)
    connection.execute(text(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"))
    for policy, rule in POLICIES.items():
        connection.execute(text(f"DROP POLICY IF EXISTS {policy} ON {name}"))
        connection.execute(text(f"CREATE POLICY {policy} ON {name} {rule}"))


def unprotect(op: Operations, table: str) -> None:
    """Undo `protect`."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    name = connection.dialect.identifier_preparer.quote(table)
    for policy in POLICIES:
        connection.execute(text(f"DROP POLICY IF EXISTS {policy} ON {name}"))
    connection.execute(text(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"))
    connection.execute(text(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"))


def make_roles(connection: Connection) -> None:
    """Make the two roles that statements run as, with rights on all tables there are and will be.

    Needs a log-in that may make roles, unless they are there and the log-in is a member of both.
    """
    for role in (TENANT_ROLE, ABOVE_ROLE):
        connection.execute(text(_ROLE.format(role=role)))


def owned_tables(connection: Connection) -> list[str]:
    """The database's tables whose rows belong to a tenant, whatever the models say."""
    return list(connection.scalars(text(_OWNED)))


def weak_spots(connection: Connection) -> list[str]:
    """Where row-level security is missing or could be passed by, in words; nothing for SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    safe = set(connection.scalars(text(_PROTECTED), {"policies": sorted(POLICIES)}))
    found = [f"{name} has rows of tenants and no protection" for name in owned_tables(connection)
             if name not in safe]  # fmt: skip
    for words, query in _WEAK.items():
        roles = {"tenant": TENANT_ROLE, "above": ABOVE_ROLE} if ":tenant" in query else {}
        found += [f"{name} {words}" for name in connection.scalars(text(query), roles)]
    return found
