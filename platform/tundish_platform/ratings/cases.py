"""What people found where an app called, gathered over tenants: one sum for each tenant and version."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, or_, select

from tundish_platform.alerts import Verdict
from tundish_platform.alerts.models import Alert, AlertFeedback
from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Signal
from tundish_platform.marketplace import Outcome
from tundish_platform.marketplace.crying import model_of
from tundish_platform.marketplace.models import AppRun, Grant
from tundish_platform.programme.models import Enterprise
from tundish_platform.ratings.models import MissedFailure

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

LEAD_EDGES_S: Final = (0.0, 3_600.0, 28_800.0, 86_400.0, 259_200.0, 604_800.0)
"""Between these lie the classes of lead time: before the alert, to an hour, a shift, a day, three, a week."""

_DIVISION: Final = 3
# An app that had not run for so long before a failure was not watching, and missed nothing.
_WATCHING: Final = timedelta(days=1)


@dataclass(slots=True)
class Cases:
    """Sums of some alerts and failures.

    Attributes:
        leads: confirmed alerts by class of lead time, see `LEAD_EDGES_S`.
    """

    confirmed: int = 0
    refuted: int = 0
    unclear: int = 0
    missed: int = 0
    avoided_cost: float = 0.0
    leads: list[int] = field(default_factory=lambda: [0] * (len(LEAD_EDGES_S) + 1))

    @property
    def count(self) -> int:
        """All alerts that people spoke of, and all failures."""
        return self.confirmed + self.refuted + self.unclear + self.missed

    def add(self, other: Cases) -> None:
        """Add another's sums."""
        for name in ("confirmed", "refuted", "unclear", "missed", "avoided_cost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.leads = [a + b for a, b in zip(self.leads, other.leads, strict=True)]


Gathered = dict[tuple[int, str], Cases]
"""Cases by tenant and version of the app."""


def industries(above: Session) -> dict[int, str]:
    """Division of GB/T 4754 by tenant, of the register's enterprises that are not made up.

    Others count nowhere: whoever may make tenants could make four and read the fifth.
    """
    query = select(Enterprise.tenant, Enterprise.industry).where(
        Enterprise.tenant.is_not(None), Enterprise.demo.is_(False)
    )
    return {tenant: industry[:_DIVISION] for tenant, industry in above.execute(query) if tenant is not None}


def gather(above: Session, app_id: str, start: datetime | None, end: datetime) -> Gathered:
    """Cases that people first spoke of in ``[start, end)``, as they stood at its end."""
    found: Gathered = defaultdict(Cases)
    for tenant, version, said in _judged(above, app_id, start, end):
        _count(found[tenant, version], said)
    for tenant, version in _missed(above, app_id, start, end):
        found[tenant, version].missed += 1
    return dict(found)


def _judged(
    above: Session, app_id: str, start: datetime | None, end: datetime
) -> list[tuple[int, str, AlertFeedback]]:
    query = (
        select(AlertFeedback, Alert.version)
        .join(Alert, and_(Alert.id == AlertFeedback.alert_id, Alert.tenant_id == AlertFeedback.tenant_id))
        .where(Alert.model == model_of(app_id), AlertFeedback.at < end)
        .order_by(AlertFeedback.id)
    )
    first: dict[int, datetime] = {}
    newest: dict[int, tuple[int, str, AlertFeedback]] = {}
    for said, version in above.execute(query):
        first.setdefault(said.alert_id, said.at)
        newest[said.alert_id] = (said.tenant_id, version, said)
    # What was counted in an earlier month stays there, whatever is said of it later.
    return [row for alert, row in newest.items() if start is None or first[alert] >= start]


def _count(cases: Cases, said: AlertFeedback) -> None:
    if said.verdict == Verdict.CONFIRMED:
        cases.confirmed += 1
        cases.avoided_cost += said.avoided_cost or 0.0
        if said.lead_s is not None:
            cases.leads[sum(said.lead_s >= edge for edge in LEAD_EDGES_S)] += 1
    elif said.verdict == Verdict.FALSE:
        cases.refuted += 1
    else:
        cases.unclear += 1


def _missed(above: Session, app_id: str, start: datetime | None, end: datetime) -> list[tuple[int, str]]:
    """Tenant and version of each failure at a machine that the app was watching and said nothing of."""
    query = select(MissedFailure).where(MissedFailure.said_at < end)
    if start is not None:
        query = query.where(MissedFailure.said_at >= start)
    found = []
    for failure in above.scalars(query.order_by(MissedFailure.id)):
        version = _watching(above, app_id, failure)
        if version is not None and not _calling(above, app_id, failure):
            found.append((failure.tenant_id, version))
    return found


def _watching(above: Session, app_id: str, failure: MissedFailure) -> str | None:
    """The version that read the machine's signals just before it failed; None where none did."""
    at = failure.failed_at
    at_machine = lying_in(Signal.path, frozenset({failure.path}))
    version: str | None = above.scalar(
        select(AppRun.app_version)
        .join(
            Grant,
            and_(Grant.subscription_id == AppRun.subscription_id, Grant.tenant_id == AppRun.tenant_id),
        )
        .join(Signal, and_(Signal.id == Grant.signal_id, Signal.tenant_id == Grant.tenant_id))
        .where(
            AppRun.tenant_id == failure.tenant_id, AppRun.app_id == app_id,
            AppRun.outcome == Outcome.OK.value, AppRun.window_end <= at, AppRun.window_end > at - _WATCHING,
            Grant.granted_at <= at, or_(Grant.withdrawn_at.is_(None), Grant.withdrawn_at > at), at_machine,
        )
        .order_by(AppRun.id.desc())
        .limit(1)
    )  # fmt: skip
    return version


def _calling(above: Session, app_id: str, failure: MissedFailure) -> bool:
    """Whether an alert of the app stood open when the machine failed, at its line or at all lines."""
    at = failure.failed_at
    line = "/".join(failure.path.split("/")[:3])
    query = select(Alert.id).where(
        Alert.tenant_id == failure.tenant_id, Alert.model == model_of(app_id), Alert.line.in_([line, "Apps"]),
        Alert.opened_at <= at, or_(Alert.closed_at.is_(None), Alert.closed_at >= at),
    )  # fmt: skip
    return above.scalar(query.limit(1)) is not None


def kept(gathered: Gathered, known: Mapping[int, str], tenants: Collection[int] | None = None) -> Gathered:
    """Cases of the register's tenants only, and of these tenants where some are named."""
    return {
        (tenant, version): cases
        for (tenant, version), cases in gathered.items()
        if tenant in known and (tenants is None or tenant in tenants)
    }
