"""Adoption figures, brought together from what tenancy, store, assets and marketplace hold.

The programme itself knows neither store nor marketplace. What it gets from here are minutes, counts and
moments; no value of any machine passes.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.alerts import cases_between
from tundish_platform.assets import list_signals, list_sources
from tundish_platform.audit import record
from tundish_platform.marketplace import subscriptions, uses_between
from tundish_platform.programme import (
    Activity,
    Adoption,
    AlertCase,
    AppUse,
    adoption,
    assess,
    enterprise_of,
    enterprises,
    evidence,
    is_assessed,
    is_large,
    listed,
    published_rules,
    span,
    state_of,
)
from tundish_platform.programme.series.frozen import earlier_of
from tundish_platform.programme.simulated import simulated_city
from tundish_platform.tenancy import Permission, access_programme, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import logins_between

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.programme import Rule
    from tundish_platform.tenancy import Principal, TenantScope

OFFICIAL: Final = "2026.1"
OPENED: Final = "evidence.opened"
LEAST_REASON: Final = 4
MOST_REASON: Final = 200

# More than so many are assessed by the background: nobody shall wait for them before a page.
_MOST_AT_ONCE: Final = 500
_KEPT_S: Final = 600

# Two officers opening the page at once must not assess twice.
_assessing = threading.Lock()


class UnknownRule(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """No rule of that version was published."""


class UnknownEnterprise(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """No enterprise of that code is registered, or it was never assessed."""


class NoReason(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """Evidence is opened for a reason only."""


def current_adoption(
    context: PlatformContext, principal: Principal, version: str = OFFICIAL, now: datetime | None = None
) -> Adoption:
    """The adoption figures of this moment, assessed anew where a bin has been completed since.

    Raises:
        AccessDenied: the principal has no part in the programme.
        UnknownRule: no such version was published.
    """
    rule = ready(context, principal, version, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        return counted(context, session, rule)


def counted(context: PlatformContext, session: Session, rule: Rule) -> Adoption:
    """The figures from the newest evidence, as it stands."""
    return _counted.of(context, session, rule)


def rounding_of(context: PlatformContext) -> bytes | None:
    """The secret that cells are rounded with; without a key of published figures there is none."""
    return None if context.figures is None else context.figures.rounding


class _Counted:
    """Counts, kept until an assessment is made or the register changes, or for some minutes."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Adoption]] = {}
        self._lock = threading.Lock()

    def of(self, context: PlatformContext, session: Session, rule: Rule) -> Adoption:
        """The figures of a rule, counted anew where they may have changed."""
        # What else changes on the register (a county, an industry) shows after that long at the latest.
        large = is_large(session, rule, _MOST_AT_ONCE)
        state = (id(context), large, *state_of(session), int(time.monotonic() // _KEPT_S))
        with self._lock:
            known = self._kept.get(rule.version)
            if known is None or known[0] != state:
                known = self._kept[rule.version] = state, adoption(session, rule, rounding_of(context))
            return known[1]


_counted: Final = _Counted()


def enterprise_list(
    context: PlatformContext,
    principal: Principal,
    version: str = OFFICIAL,
    now: datetime | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Registered enterprises with their stages, by code: register entries only, nothing of their plants."""
    rule = ready(context, principal, version, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        return listed(session, rule, after, limit)


def enterprise_evidence(
    context: PlatformContext,
    principal: Principal,
    uscc: str,
    reason: str,
    version: str = OFFICIAL,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Open what puts an enterprise into its stage: rule, facts with hash, checks, moment.

    Args:
        context: the platform's parts.
        principal: who opens it.
        uscc: code of the enterprise.
        reason: why; the enterprise's own people read it.
        version: of the rules.
        now: the moment.

    Raises:
        NoReason: none is given.
        UnknownEnterprise: no such code is registered.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise NoReason
    rule = ready(context, principal, version, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        enterprise = enterprise_of(session, uscc)
        found = evidence(session, enterprise, rule) if enterprise else None
        if enterprise is None or found is None:
            raise UnknownEnterprise(uscc)
        # Whoever opens it is on record, where the enterprise's own people read it.
        slug = "" if enterprise.tenant is None else session.get_one(Tenant, enterprise.tenant).slug
        said = {"rule": version, "reason": reason.strip(), "facts": not found["facts_withheld"]}
        record(
            session, principal.name, OPENED, enterprise.uscc, tenant=slug, now=datetime.now(UTC), detail=said
        )
    return found


def ready(context: PlatformContext, principal: Principal, version: str, now: datetime | None) -> Rule:
    """The rule of that version, under which every enterprise is assessed up to now.

    Raises:
        AccessDenied: the principal has no part in the programme.
        UnknownRule: no such version was published.
    """
    access_programme(principal, Permission.PROGRAMME)
    return up_to_date(context, version, now or datetime.now(UTC))


def up_to_date(context: PlatformContext, version: str, now: datetime) -> Rule:
    """The same without asking who wants it; what is told of the assessment is the caller's to check.

    Raises:
        UnknownRule: no such version was published.
    """
    return assessed(context, version, now, _MOST_AT_ONCE)


def assessed(context: PlatformContext, version: str, now: datetime, most: int | None = None) -> Rule:
    """The same for the platform's own job, which nobody asked and which waits for any register.

    Raises:
        UnknownRule: no such version was published.
    """
    rule = published_rules().get(version)
    if rule is None:
        raise UnknownRule(version)
    keep_assessed(context, rule, now, most)
    return rule


def keep_assessed(context: PlatformContext, rule: Rule, now: datetime, most: int | None = None) -> None:
    """Assess anew where a bin has been completed since.

    Args:
        context: the platform's parts.
        rule: one version.
        now: the moment.
        most: registers with more enterprises are left to the background, once they were assessed at all.
    """
    with _assessing:
        with context.metadata.above(Above.ADOPTION).session() as session:
            if most is not None and is_large(session, rule, most):
                return
            # A simulated city came with its stages; it has no plants to look at.
            if simulated_city(session) is not None:
                return
            if is_assessed(session, rule, now):
                return
            start, end = span(rule, now)
            activities = activities_between(context, session, rule, start, end)
            earlier = earlier_of(session, now, rule.windows) if rule.monthly else {}
        with context.metadata.above(Above.ADOPTION).session() as session:
            assess(session, rule, activities, now, earlier)


def activities_between(
    context: PlatformContext, session: Session, rule: Rule, start: datetime, end: datetime
) -> dict[int, Activity]:
    """What the platform holds of each tenant that an enterprise of the register stands for."""
    job = job_principal(session, "programme")
    wanted = {e.tenant for e in enterprises(session)}
    scopes = [
        access_tenant(job, slug, Permission.READ)
        for slug, (number, _) in job.tenants.items()
        if number in wanted
    ]
    return {scope.tenant_id: _activity(context, session, scope, rule, (start, end)) for scope in scopes}


def _activity(
    context: PlatformContext,
    session: Session,
    scope: TenantScope,
    rule: Rule,
    when: tuple[datetime, datetime],
) -> Activity:
    start, end = when
    told = start - timedelta(seconds=rule.alert_within_s)
    activity = Activity(
        signals=tuple(list_signals(session, scope)),
        connectors=frozenset(source.name for source in list_sources(session, scope)),
        subscriptions=sum(one.running for one in subscriptions(session, scope)),
        logins=tuple(logins_between(session, scope, start, end)),
        uses=tuple(AppUse(*use) for use in uses_between(session, scope, start, end)),
        alerts=tuple(AlertCase(*case) for case in cases_between(session, scope, told, end)),
    )
    live = frozenset(s.id for s in activity.live())
    narrowed = scope.narrowed(live, frozenset({Permission.READ}))
    return activity.with_minutes(context.telemetry.facts(narrowed, start, end))
