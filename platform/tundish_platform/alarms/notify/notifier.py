"""The job that escalates and sends for all tenants, in a thread of a server process; many may run at once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select, union

from tundish_platform.alarms.maintenance import MaintenanceWindow, apply_maintenance
from tundish_platform.alarms.models import Alarm
from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.escalation import EscalationState, escalate_tenant
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.alarms.notify.models import Escalation, EscalationPolicy
from tundish_platform.alarms.notify.sending import claim, due_deliveries, settle, tenants_with_mail
from tundish_platform.alarms.notify.transport import send
from tundish_platform.tenancy import AccessDenied, Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.alarms.notify.sending import Outgoing
    from tundish_platform.alarms.notify.vault import Vault
    from tundish_platform.tenancy.metadata import Metadata

_log = structlog.get_logger(__name__)

JOB: Final = "alarm-notices"
TIMEOUT_S: Final = 20.0
_PUBLIC_ONLY: Final = Allowed()
_HANDS: Final = 16
# No tenant's hanging servers may keep all hands busy.
_HANDS_OF_ONE: Final = 4


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Notifier:
    """Applies maintenance, escalates alarms and sends messages, again and again until closed.

    Args:
        metadata: where everything stands.
        vault: opens the channels' secrets.
        allowed: private networks that messages may go to.
        every_s: seconds from the end of one round to the next.
        timeout_s: for one attempt at a message.
        clock: the platform's, UTC.
    """

    def __init__(
        self, metadata: Metadata, vault: Vault, allowed: Allowed = _PUBLIC_ONLY, *, every_s: float = 1.0,
        timeout_s: float = TIMEOUT_S, clock: Callable[[], datetime] = _utc_now,
    ) -> None:  # fmt: skip
        self._metadata = metadata
        self._vault = vault
        self._allowed = allowed
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._rng = random.Random()  # noqa: S311 - jitter, no secret
        self._stopped = threading.Event()
        self._idle = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(_HANDS, thread_name_prefix="alarm-message")
        self._threads = [
            threading.Thread(target=self._run, args=(part,), name=f"alarm-{part.__name__}", daemon=True)
            for part in (self.escalate, self.send)
        ]

    def start(self) -> None:
        """Begin; returns at once. Escalating and sending have a thread each: a slow server delays no step."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End after what is being sent."""
        self._stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._pool.shutdown()

    def escalate(self) -> int:
        """Bring every tenant's maintenance and escalations up to date; returns how many steps were told."""
        with self._metadata.above(Above.ALARM_NOTICES).session() as session:
            slugs = tenants_to_escalate(session, self._clock())
            principal = job_principal(session, JOB, Role.ENGINEER, slugs)
        told = 0
        for slug in slugs:
            if self._stopped.is_set():
                break
            try:
                scope = access_tenant(principal, slug, Permission.CONFIGURE)
                with self._metadata.of(scope).session() as session:
                    now = self._clock()
                    apply_maintenance(session, scope, now)
                    told += escalate_tenant(session, scope, now)
            except AccessDenied:
                continue  # removed since the list was made
            except Exception:  # noqa: BLE001 - one tenant's trouble must not keep the others from being told
                _log.exception("alarms_not_escalated", tenant=slug)
        return told

    def send(self) -> int:
        """Begin to send what is due, as far as there are hands; returns how many attempts were begun."""
        with self._metadata.above(Above.ALARM_NOTICES).session() as session:
            slugs = tenants_with_mail(session, self._clock())
            principal = job_principal(session, JOB, Role.ENGINEER, slugs)
        # In another order each time, or the first tenants' broken channels would take all hands.
        self._rng.shuffle(slugs)
        begun = 0
        for slug in slugs:
            try:
                begun += self._send_of(access_tenant(principal, slug, Permission.CONFIGURE))
            except AccessDenied:
                continue  # removed since the list was made
            except Exception:  # noqa: BLE001 - one tenant's trouble must not keep the others' messages back
                _log.exception("messages_not_claimed", tenant=slug)
        return begun

    def drain(self) -> None:
        """Wait until every attempt that was begun is written down."""
        with self._idle:
            self._idle.wait_for(lambda: not self._busy)

    def _send_of(self, scope: TenantScope) -> int:
        with self._idle:
            hands = min(_HANDS_OF_ONE - self._busy[scope.slug], _HANDS - self._busy.total())
        if hands <= 0 or self._stopped.is_set():
            return 0
        with self._metadata.of(scope).session() as session:
            due = due_deliveries(session, scope, self._clock(), hands)
        begun = 0
        for number in due:
            with self._metadata.of(scope).session() as session:
                out = claim(session, scope, self._vault, number, self._clock())
            if out is not None:
                with self._idle:
                    self._busy[scope.slug] += 1
                self._pool.submit(self._attempt, scope, out)
                begun += 1
        return begun

    def _attempt(self, scope: TenantScope, out: Outgoing) -> None:
        try:
            error = self._sent(scope, out)
            with self._metadata.of(scope).session() as session:
                settle(session, scope, out, error, self._clock(), self._rng)
        except Exception:  # noqa: BLE001 - nobody else sees it; the claim runs out and it is sent again
            _log.exception("message_not_settled", tenant=scope.slug, delivery=out.delivery)
        finally:
            with self._idle:
                self._busy -= Counter([scope.slug])
                self._idle.notify_all()

    def _sent(self, scope: TenantScope, out: Outgoing) -> NotSent | None:
        try:
            send(out, self._allowed, self._timeout_s, self._clock())
        except NotSent as refused:
            return refused
        except Exception:  # noqa: BLE001 - it must be written down, or it would be tried for ever
            _log.exception("message_failed", tenant=scope.slug, delivery=out.delivery)
            return NotSent(Fault.OWN_FAILURE, again=True)
        return None

    def _run(self, part: Callable[[], int]) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                part()
            except Exception:  # noqa: BLE001 - a database that is away comes back; the next round tries again
                _log.exception("alarm_notices_failed", part=part.__name__)


def tenants_to_escalate(session: Session, now: datetime) -> list[str]:
    """Slugs of the tenants where something may have to be done; for the job that goes round all of them."""
    open_now = (MaintenanceWindow.starts_at <= now, MaintenanceWindow.ends_at > now)
    wanted = union(
        select(MaintenanceWindow.tenant_id).where(*open_now),
        select(Alarm.tenant_id).where(Alarm.maintenance_id.is_not(None)),
        select(Escalation.tenant_id).where(Escalation.state != EscalationState.ENDED.value),
        select(Alarm.tenant_id)
        .join(EscalationPolicy, EscalationPolicy.tenant_id == Alarm.tenant_id)
        .where(Alarm.acknowledged.is_(False), EscalationPolicy.enabled.is_(True)),
    ).subquery()
    return list(
        session.scalars(select(Tenant.slug).where(Tenant.id.in_(select(wanted))).order_by(Tenant.slug))
    )
