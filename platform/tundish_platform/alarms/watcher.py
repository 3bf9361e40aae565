"""The job that goes round all tenants with rules, in a thread of the process that can read the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.alarms.watching import watch_tenant, watched_tenants
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.rounds import RoundSpec, TenantRounds

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.alarms.watching import Samples
    from tundish_platform.tenancy import Principal, TenantScope
    from tundish_platform.tenancy.metadata import Metadata

JOB: Final = "alarm-rules"


class AlarmWatcher(TenantRounds):
    """Judges every tenant's new samples by its rules, again and again until closed.

    Args:
        metadata: where the rules are.
        samples: the store.
        every_s: seconds from the end of one round to the next.
    """

    spec = RoundSpec("alarm-watcher", "alarm_rules_not_judged", "alarm_rules_not_listed")

    def __init__(self, metadata: Metadata, samples: Samples, every_s: float = 1.0) -> None:
        super().__init__(metadata, every_s)
        self._samples = samples

    def listed(self) -> tuple[list[str], Principal]:
        """Those that have rules."""
        with self._metadata.above(Above.ALARM_RULES).session() as session:
            slugs = watched_tenants(session)
            return slugs, job_principal(session, JOB, Role.ANALYST, slugs)

    def visit(self, session: Session, scope: TenantScope, now: datetime) -> int:
        """Judge one tenant's samples."""
        watch_tenant(session, self._samples, scope, now)
        return 1

    def round(self) -> int:
        """Judge every tenant once; returns how many could not be, which the log tells."""
        _, failed = self.tour()
        return failed
