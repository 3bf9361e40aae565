"""Removing a tenant so that nothing is left: access, memory, log, files, rows, and what stays behind of rows.

A removal is a row of its own that outlives the tenant. Each step can be done twice, and the row says which
one is next, so a removal that was broken off goes on at the next start, whoever starts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from sqlalchemy import delete, select

from tundish_platform.store.lifecycle import traces
from tundish_platform.store.lifecycle.policy import is_held, lock_tenant
from tundish_platform.store.lifecycle.tables import TenantRemoval
from tundish_platform.tenancy.models import (
    ApiToken,
    Membership,
    Tenant,
    TokenGrant,
    TokenRole,
    User,
    UserRole,
)
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

DONE: Final = "done"
_NOBODY: Final = -1

log = structlog.get_logger(__name__)


class RemovalRefused(Exception):  # noqa: N818 - says what was refused
    """The tenant may not be removed; carries the words for the person."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.message_en = en
        self.message_zh = zh


class TracesLeft(RuntimeError):  # noqa: N818 - says what was found
    """Something of the tenant is still there; the removal is not done and tries again."""


class RemovalPlace(Protocol):
    """What a removal asks of the store's writer. Each call may come twice."""

    @property
    def root(self) -> Path:
        """The folder below which everything of the store lies, to be looked through at the end."""
        ...

    def close_tenant(self, tenant_id: int) -> None:
        """Take and answer nothing of the tenant any more; drop its buffers, latest values and readers."""
        ...

    def clear_log(self, tenant_id: int) -> None:
        """Seal the other tenants and let the log go, so that no log file with the tenant's records is left.

        Copies of damaged log files go too: nobody can tell whose their unreadable bytes are.
        """
        ...

    def clear_first_level(self, tenant_id: int) -> None:
        """Write shared first-level files anew without the tenant."""
        ...

    def clear_folder(self, tenant_id: int, slug: str) -> Mapping[str, int]:
        """Remove the tenant's folder with segments, rollups, tables and foundlings; gives figures."""
        ...

    def leftovers(self, tenant_id: int, slug: str) -> list[str]:
        """What log, first level and folders still hold of the tenant, in words; no slug: it is forgotten."""
        ...


@dataclass(slots=True)
class _Work:
    """One removal under way, with what can be known of the tenant only while its rows are there."""

    number: int
    tenant_id: int
    slug: str
    step: str
    marks: list[bytes]
    receipt: dict[str, Any]


class Removals:
    """Begins, goes on with and ends removals. One process has it: the store's writer.

    Args:
        metadata: their database.
        place: the store's writer.
        forget: called with the tenant once it is closed, for whatever else is kept in memory.
        mine: whether a tenant is this writer's, where there are several.
    """

    def __init__(
        self,
        metadata: Metadata,
        place: RemovalPlace,
        forget: Callable[[int], None] = lambda _: None,
        mine: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self._metadata = metadata
        self._place = place
        self._forget = forget
        self._mine = mine
        self._steps: Mapping[str, Callable[[_Work], None]] = {
            "close": self._close,
            "log": self._log,
            "first_level": self._first_level,
            "folder": self._folder,
            "rows": self._rows,
            "scrub": self._scrub,
            "verify": self._verify,
        }
        self.problems: list[str] = []

    def turn(self) -> int:
        """Go on with what was begun, by whichever process; returns how many were ended."""
        ended = 0
        self.problems = []
        for number in open_removals(self._metadata, self._mine):
            try:
                self.run(number)
            except Exception as error:
                self.problems.append(f"removal {number} is not done and is tried again: {error}")
                log.exception("removal failed", removal=number)
            else:
                ended += 1
        return ended

    def run(self, number: int) -> dict[str, Any]:
        """Do the steps that are left; returns the receipt.

        Raises:
            TracesLeft: something was found; the next try begins at the log again.
        """
        work = self._taken_up(number)
        if work.step == DONE:
            return work.receipt
        names = list(self._steps)
        if work.slug and work.step != names[0]:
            # After a start nothing is known to be closed.
            self._close(work)
        for name in names[names.index(work.step) :]:
            try:
                self._steps[name](work)
            except TracesLeft:
                self._note(work, "log")
                raise
            self._note(work, names[names.index(name) + 1] if name != names[-1] else DONE)
        log.info("tenant removed", removal=number, tenant=work.tenant_id, receipt=work.receipt)
        return work.receipt

    def _taken_up(self, number: int) -> _Work:
        with self._metadata.session() as session:
            row = session.get_one(TenantRemoval, number)
            work = _Work(number, row.tenant_id, row.slug, row.step, [], dict(row.receipt))
            if row.slug:
                work.marks = traces.marks(session, work.tenant_id)
            elif session.get(Tenant, work.tenant_id) is not None:
                # SQLite may give the number again; whoever has it now is somebody else.
                work.tenant_id = _NOBODY
        return work

    def _note(self, work: _Work, following: str) -> None:
        with self._metadata.session() as session:
            row = session.get_one(TenantRemoval, work.number)
            row.step, row.slug, row.receipt = following, work.slug, dict(work.receipt)
            if following == DONE:
                row.finished_at = datetime.now(UTC)

    def _close(self, work: _Work) -> None:
        self._place.close_tenant(work.tenant_id)
        self._forget(work.tenant_id)

    def _log(self, work: _Work) -> None:
        self._place.clear_log(work.tenant_id)

    def _first_level(self, work: _Work) -> None:
        self._place.clear_first_level(work.tenant_id)

    def _folder(self, work: _Work) -> None:
        if not work.slug:
            return
        for name, figure in self._place.clear_folder(work.tenant_id, work.slug).items():
            # A second try finds only what the first one left.
            work.receipt[name] = work.receipt.get(name, 0) + figure

    def _rows(self, work: _Work) -> None:
        # While the tenant's words and number are still known, and before the number is free for another.
        files = traces.store_files(self._place.root, self._metadata.engine)
        _no_more(self._place.leftovers(work.tenant_id, work.slug) + traces.search(files, work.marks))
        work.receipt |= {"files_searched": len(files), "marks": len(work.marks)}
        with self._metadata.session() as session:
            counted = traces.rows_of(session, work.tenant_id)
            work.receipt["metadata_rows"] = work.receipt.get("metadata_rows", 0) + sum(counted.values())
            session.execute(delete(Tenant).where(Tenant.id == work.tenant_id))
            # From here on only its digest says which tenant it was.
            work.slug = ""
            session.get_one(TenantRemoval, work.number).slug = ""

    def _scrub(self, work: _Work) -> None:
        del work
        traces.scrub(self._metadata.engine)

    def _verify(self, work: _Work) -> None:
        with self._metadata.session() as session:
            found = [f"{n} rows of {table}" for table, n in traces.rows_of(session, work.tenant_id).items()]
        found += self._place.leftovers(work.tenant_id, work.slug)
        database = traces.database_files(self._metadata.engine)
        _no_more(found + traces.search(database, work.marks))
        work.receipt["traces"] = 0


def begin_removal(session: Session, scope: TenantScope, reason: str) -> int:
    """Close all access to a tenant and have it removed; returns the removal's number. There is no way back.

    From the commit on nobody has a role in the tenant, and people and tokens who had roles nowhere else are
    gone. The store's writer does the rest (`Removals.turn`). Asking twice gives the same number.

    Raises:
        AccessDenied: the scope may not operate, or the tenant is gone.
        RemovalRefused: a legal hold is on.
    """
    scope.require(Permission.OPERATE)
    lock_tenant(session, scope.tenant_id)
    if is_held(session, scope.tenant_id):
        raise RemovalRefused(
            f"Tenant {scope.slug} is under a legal hold, so nothing was removed. Release the hold first.",
            f"租户 {scope.slug} 处于法律保全中, 未删除任何内容。请先解除保全。",
        )
    known = session.scalar(_open().where(TenantRemoval.tenant_id == scope.tenant_id))
    if known is not None:
        return int(known)
    digest = hashlib.sha256(scope.slug.encode()).hexdigest()
    row = TenantRemoval(
        tenant_id=scope.tenant_id, slug=scope.slug, slug_digest=digest, step="close", reason=reason[:500],
        started_by=scope.principal, started_at=datetime.now(UTC), receipt={},
    )  # fmt: skip
    session.add(row)
    _close_access(session, scope.tenant_id)
    session.flush()
    log.info("removal begun", tenant=scope.slug, who=scope.principal, removal=row.number)
    return row.number


def removing(session: Session) -> set[int]:
    """Tenants of which nothing may be taken, answered or recovered, because they are being removed."""
    query = select(TenantRemoval.tenant_id).where(TenantRemoval.step != DONE, TenantRemoval.slug != "")
    return set(session.scalars(query))


def open_removals(metadata: Metadata, mine: Callable[[int], bool] = lambda _: True) -> list[int]:
    """Numbers of removals that are not done, of those tenants."""
    query = select(TenantRemoval.number, TenantRemoval.tenant_id).where(TenantRemoval.step != DONE)
    with metadata.session() as session:
        found = list(session.execute(query.order_by(TenantRemoval.number)))
    return [number for number, tenant in found if mine(tenant)]


def _no_more(found: list[str]) -> None:
    if found:
        raise TracesLeft("; ".join(found[:20]))


def _open() -> Any:  # noqa: ANN401 - SQLAlchemy's Select of one column
    return select(TenantRemoval.number).where(TenantRemoval.step != DONE).order_by(TenantRemoval.number)


def _close_access(session: Session, tenant_id: int) -> None:
    """Take all roles in the tenant away, and whoever has none left."""
    roles = delete(Membership).where(Membership.tenant_id == tenant_id).returning(Membership.user_id)
    grants = delete(TokenGrant).where(TokenGrant.tenant_id == tenant_id).returning(TokenGrant.token_id)
    members, tokens = set(session.scalars(roles)), set(session.scalars(grants))
    for table, who, given in (
        (User, members, (Membership.user_id, UserRole.user_id)),
        (ApiToken, tokens, (TokenGrant.token_id, TokenRole.token_id)),
    ):
        left = who - {number for column in given for number in session.scalars(select(column).distinct())}
        session.execute(delete(table).where(table.id.in_(left)))
