"""The job that goes round all tenants with rules, in a thread of the process that can read the store."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.alarms.watching import watch_tenant, watched_tenants
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from tundish_platform.alarms.watching import Samples
    from tundish_platform.tenancy.metadata import Metadata

_log = structlog.get_logger(__name__)

JOB: Final = "alarm-rules"


class AlarmWatcher:
    """Judges every tenant's new samples by its rules, again and again until closed.

    Args:
        metadata: where the rules are.
        samples: the store.
        every_s: seconds from the end of one round to the next.
    """

    def __init__(self, metadata: Metadata, samples: Samples, every_s: float = 1.0) -> None:
        self._metadata = metadata
        self._samples = samples
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarm-watcher", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the tenant that is being judged."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> int:
        """Judge every tenant once; returns how many could not be, which the log tells."""
        with self._metadata.above(Above.ALARM_RULES).session() as session:
            slugs = watched_tenants(session)
            principal = job_principal(session, JOB, Role.ANALYST, slugs)
        failed = 0
        for slug in slugs:
            if self._stopped.is_set():
                break
            try:
                scope = access_tenant(principal, slug, Permission.INGEST)
                with self._metadata.of(scope).session() as session:
                    watch_tenant(session, self._samples, scope, datetime.now(UTC))
            except AccessDenied:
                # Removed since the list was made.
                continue
            except Exception:  # noqa: BLE001 - one tenant's trouble must not keep the others' alarms from being raised
                failed += 1
                _log.exception("alarm_rules_not_judged", tenant=slug)
        return failed

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.round()
            except Exception:  # noqa: BLE001 - a database that is away comes back; the next round tries again
                _log.exception("alarm_rules_not_listed")
