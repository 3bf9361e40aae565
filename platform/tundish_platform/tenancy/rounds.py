"""Work that goes round the tenants again and again, in each by its own scope."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from tundish_platform.tenancy.scope import AccessDenied, Permission, access_tenant

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import Principal, TenantScope

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RoundSpec:
    """What tells one such work from the others.

    Attributes:
        thread: name of the thread.
        not_done: what the log calls a tenant where it failed.
        not_listed: what the log calls a round without a list.
    """

    thread: str
    not_done: str
    not_listed: str


class TenantRounds(ABC):
    """A thread that goes round some tenants, until closed.

    Args:
        metadata: where they are.
        every_s: seconds from the end of one round to the next.
    """

    spec: RoundSpec

    def __init__(self, metadata: Metadata, every_s: float) -> None:
        self._metadata = metadata
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.spec.thread, daemon=True)

    @abstractmethod
    def listed(self) -> tuple[list[str], Principal]:
        """Slugs of those where there is something to do, looked up above tenants, and who works in them."""

    @abstractmethod
    def visit(self, session: Session, scope: TenantScope, now: datetime) -> int:
        """Do it in one tenant; how much was done."""

    @abstractmethod
    def round(self) -> int:
        """One `tour`; returns what of it is worth knowing."""

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the tenant that is being visited."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def tour(self) -> tuple[int, int]:
        """Visit every tenant once: how much was done, and in how many it failed, which the log tells."""
        slugs, principal = self.listed()
        done = failed = 0
        for slug in slugs:
            if self._stopped.is_set():
                break
            try:
                scope = access_tenant(principal, slug, Permission.INGEST)
                with self._metadata.of(scope).session() as session:
                    done += self.visit(session, scope, datetime.now(UTC))
            except AccessDenied:
                # Removed since the list was made.
                continue
            except Exception:  # noqa: BLE001 - one tenant's trouble must not keep the work from the others
                failed += 1
                _log.exception(self.spec.not_done, tenant=slug)
        return done, failed

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.round()
            except Exception:  # noqa: BLE001 - a database that is away comes back; the next round tries again
                _log.exception(self.spec.not_listed)
