"""The job that reports on shifts that ended, corrects reports, and sends them; many processes may run it."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.handover.editions import (
    CORRECTED_FOR,
    claim_rechecks,
    end_rechecks,
    find_edition,
    keep_edition,
    shifts_told,
)
from tundish_platform.handover.files import mail_of
from tundish_platform.handover.mailing import (
    claim_mail,
    due_mails,
    send_mail,
    settle_mail,
    tenants_with_mails,
)
from tundish_platform.handover.models import ShiftPlan
from tundish_platform.handover.plans import list_plans, moment, planned_at
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.alarms.notify.vault import Vault
    from tundish_platform.handover.facts import HandoverFacts
    from tundish_platform.handover.mailing import Claimed
    from tundish_platform.handover.plans import Planned
    from tundish_platform.handover.specs import HandoverMailing
    from tundish_platform.samples.shifts import Shift
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

    Make = Callable[[TenantScope, Planned, Shift, datetime], HandoverFacts]
    """Scope, place, shift and the platform's clock to what the report says."""

_log = structlog.get_logger(__name__)

JOB: Final = "handover"
TIMEOUT_S: Final = 60.0
_PUBLIC_ONLY: Final = Allowed()
_AFTER: Final = timedelta(minutes=10)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class HandoverKeeper:
    """Makes, corrects and sends shift reports, again and again until closed.

    Args:
        metadata: where plans and editions are.
        make: makes a report's facts of the samples.
        vault: opens the mail channels' secrets.
        allowed: private networks that mail may go to.
        every_s: seconds from the end of one round to the next.
        timeout_s: for handing one mail in.
        clock: the platform's, UTC.
    """

    def __init__(
        self, metadata: Metadata, make: Make, vault: Vault, allowed: Allowed = _PUBLIC_ONLY, *,
        every_s: float = 15.0, timeout_s: float = TIMEOUT_S, clock: Callable[[], datetime] = _utc_now,
    ) -> None:  # fmt: skip
        self._metadata = metadata
        self._make = make
        self._vault = vault
        self._allowed = allowed
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._rng = random.Random()  # noqa: S311 - jitter, no secret
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(part,), name=f"handover-{part.__name__}", daemon=True)
            for part in (self.report, self.send)
        ]

    def start(self) -> None:
        """Begin; returns at once. Reporting has a thread of its own: no slow mail server delays it."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End after what is being made or sent."""
        self._stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def report(self) -> int:
        """Make the reports of shifts that ended, and correct those that late data changed; how many."""
        return sum(self._each(tenants_with_plans, self._report_on))

    def send(self) -> int:
        """Try to send what is due; how many attempts were made."""
        return sum(self._each(lambda session: tenants_with_mails(session, self._clock()), self._send_of))

    def _each(self, listed: Callable[[Session], list[str]], work: Callable[[TenantScope], int]) -> list[int]:
        with self._metadata.above(Above.HANDOVER).session() as session:
            slugs = listed(session)
            principal = job_principal(session, JOB, Role.ENGINEER, slugs)
        # In another order each time, or the first tenants' work would keep the others waiting.
        self._rng.shuffle(slugs)
        done = []
        for slug in slugs:
            if self._stopped.is_set():
                break
            try:
                done.append(work(access_tenant(principal, slug, Permission.CONFIGURE)))
            except AccessDenied:
                continue  # removed since the list was made
            except Exception:  # noqa: BLE001 - one tenant's trouble must not keep the work from the others
                _log.exception("handover_failed", tenant=slug)
        return done

    def _report_on(self, scope: TenantScope) -> int:
        made = 0
        with self._metadata.of(scope).session() as session:
            plans = list_plans(session, scope)
            due = [
                (planned, shift, plan.mail)
                for plan in plans
                for planned in [planned_at(session, scope, plan.path)]
                for shift in _ended(session, scope, planned, plan.since, plan.mail, self._clock())
            ]
        for planned, shift, mail in due:
            try:
                made += self._keep(scope, planned, shift, 1, mail)
            except Exception:  # noqa: BLE001 - one line's trouble must not keep the other reports back
                _log.exception("shift_not_reported", tenant=scope.slug, path=planned.path)
        return made + self._correct(scope)

    def _keep(
        self, scope: TenantScope, planned: Planned, shift: Shift, number: int, mail: HandoverMailing | None
    ) -> int:
        facts = self._make(scope, planned, shift, self._clock())
        with self._metadata.of(scope).session() as session:
            kept = keep_edition(session, scope, facts, number, mail, self._clock())
        return int(kept is not None)

    def _correct(self, scope: TenantScope) -> int:
        """Compare editions with the data again; where it says something else now, make another one."""
        with self._metadata.of(scope).session() as session:
            claimed = claim_rechecks(session, scope, self._clock())
            due = [(one, planned_at(session, scope, one.path)) for one in claimed]
        made = 0
        for one, planned in due:
            shift = planned.at(one.starts_at)
            if shift is None:
                continue  # the plan changed since; what was told of its shifts stays
            facts = self._make(scope, planned, shift, self._clock())
            if facts.digest == one.digest:
                continue
            mail = planned.plan.mail if planned.plan else None
            with self._metadata.of(scope).session() as session:
                end_rechecks(session, scope, one.id)
                made += int(
                    keep_edition(session, scope, facts, one.number + 1, mail, self._clock()) is not None
                )
        return made

    def _send_of(self, scope: TenantScope) -> int:
        with self._metadata.of(scope).session() as session:
            due = due_mails(session, scope, self._clock())
        tried = 0
        for number in due:
            if self._stopped.is_set():
                break
            with self._metadata.of(scope).session() as session:
                out = claim_mail(session, scope, self._vault, number, self._clock())
            if out is not None:
                error = self._sent(scope, out)
                with self._metadata.of(scope).session() as session:
                    settle_mail(session, scope, out, error, self._clock(), self._rng)
                tried += 1
        return tried

    def _sent(self, scope: TenantScope, out: Claimed) -> NotSent | None:
        try:
            with self._metadata.of(scope).session() as session:
                edition = find_edition(session, scope, out.edition)
                letter = mail_of(session, scope, edition, out.language)
            now = self._clock()
            send_mail(out, letter.subject, letter.text, letter.files, self._allowed, self._timeout_s, now)
        except NotSent as refused:
            return refused
        except Exception:  # noqa: BLE001 - it must be written down, or it would be tried for ever
            _log.exception("handover_mail_failed", tenant=scope.slug, mail=out.mail)
            return NotSent(Fault.OWN_FAILURE, again=True)
        return None

    def _run(self, part: Callable[[], int]) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                part()
            except Exception:  # noqa: BLE001 - a database that is away comes back; the next round tries again
                _log.exception("handover_round_failed", part=part.__name__)


def tenants_with_plans(session: Session) -> list[str]:
    """Slugs of the tenants that have shift plans; for the job that goes round all of them."""
    query = select(Tenant.slug).join(ShiftPlan, ShiftPlan.tenant_id == Tenant.id).distinct()
    return list(session.scalars(query.order_by(Tenant.slug)))


def _ended(
    session: Session, scope: TenantScope, planned: Planned, since: datetime, mail: HandoverMailing | None,
    now: datetime,
) -> list[Shift]:  # fmt: skip
    """Shifts that ended long enough ago, after the plan was made, and that nobody has reported on yet."""
    until = now - (timedelta(minutes=mail.after_min) if mail else _AFTER)
    oldest = max(since, now - CORRECTED_FOR)
    known = shifts_told(session, scope, planned.path, oldest)
    return [
        shift
        for shift in planned.between(oldest, now)
        if oldest < moment(shift.end) <= until and moment(shift.start) not in known
    ]
