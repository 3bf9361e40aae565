"""Whose rows a transaction may reach: one tenant's, or all for named work above tenants; else nobody's.

PostgreSQL holds to it with row-level security (`tundish_platform.migrations.rowsecurity`). SQLite has nothing
like it: there the filter of each query is the only guard, and the lint rule watches over the filters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session, SessionTransaction

TENANT_ROLE: Final = "tundish_tenant"
ABOVE_ROLE: Final = "tundish_above"
TENANT_SETTING: Final = "tundish.tenant"

# Local to the transaction, all three: a connection that goes back to the pool has no tenant and no role left.
_REACH: Final = text(
    "SELECT set_config('role', :role, true), set_config('tundish.tenant', :tenant, true),"
    " set_config('application_name', :work, true)"
)


class Above(StrEnum):
    """All work that reaches every tenant's rows. Whoever adds a name says why one tenant won't do."""

    IDENTITY = "who is asking: the roles of a person or token in all tenants"
    OPERATOR = "commands of whoever runs the platform: set-up, policies, removal"
    STORE = "the store's manifest: one writer for all tenants"
    ALARM_RULES = "the round of the alarm rules: which tenants have any"
    ENDED_ALERTS = "the round of alerts whose app nobody subscribes to any more: which tenants have any"
    ALARM_NOTICES = "the round of escalation and messages: which tenants have any due"
    HANDOVER = "the round of shift reports and their mail: which tenants have any"
    JOBS = "whose job is next: a worker serves several tenants, and they take turns"
    GHOSTS = "looks for ghost connections: signals and clock of every registered enterprise's plant"
    CODES = "resolving a published identification code: whose it is, only the code says"
    PACKAGES = "apps of publishers: everybody may have them, and what is withdrawn stops for every subscriber"
    BILLING = "statements, invoices and vouchers: the operator's and the bureau's work for every tenant"
    DOCUMENTS = "fetching a document by the code its tenant gave away: whose it is, only the code says"
    PEERS = "quartiles over enterprises that agreed to be compared, of months that are over"
    RATINGS = "what apps were worth: cells over tenants of months that are over, and what tenants say to all"
    ADOPTION = "adoption figures: facts of every registered enterprise, of which only aggregates are shown"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a session may reach.

    Attributes:
        tenant: number of the tenant; ``None`` for nobody's rows.
        above: the work above tenants, if it is one.
    """

    tenant: int | None = None
    above: Above | None = None

    @property
    def role(self) -> str:
        """The database role that statements run as."""
        return TENANT_ROLE if self.above is None else ABOVE_ROLE

    def set(self, connection: Connection) -> None:
        """Bind the connection's transaction to it."""
        number = "" if self.tenant is None else str(self.tenant)
        work = "tundish" if self.above is None else f"tundish:{self.above.name.lower()}"
        connection.execute(_REACH, {"role": self.role, "tenant": number, "work": work})


NOBODY: Final = Reach()


def bind(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """The one place where a session's reach is told to PostgreSQL; runs as each transaction begins."""
    reach: Reach = session.info["reach"]
    reach.set(connection)
