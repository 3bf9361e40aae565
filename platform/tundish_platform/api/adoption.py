"""Adoption figures, brought together from what tenancy, store, assets and marketplace hold.

The programme itself knows neither store nor marketplace. What it gets from here are minutes, counts and
moments; no value of any machine passes.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.assets import list_signals, list_sources
from tundish_platform.marketplace import subscriptions, uses_between
from tundish_platform.programme import (
    Activity,
    Adoption,
    AppUse,
    adoption,
    assess,
    enterprise_of,
    enterprises,
    evidence,
    is_assessed,
    newest_evidence,
    published_rules,
    span,
)
from tundish_platform.tenancy import Permission, access_programme, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import logins_between

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.programme import Rule
    from tundish_platform.tenancy import Principal, TenantScope

OFFICIAL: Final = "2026.1"

# Two officers opening the page at once must not assess twice.
_assessing = threading.Lock()


class UnknownRule(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """No rule of that version was published."""


class UnknownEnterprise(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """No enterprise of that code is registered, or it was never assessed."""


def current_adoption(
    context: PlatformContext, principal: Principal, version: str = OFFICIAL, now: datetime | None = None
) -> Adoption:
    """The adoption figures of this moment, assessed anew where a bin has been completed since.

    Raises:
        AccessDenied: the principal has no part in the programme.
        UnknownRule: no such version was published.
    """
    rule = _ready(context, principal, version, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        return adoption(session, rule)


def enterprise_list(
    context: PlatformContext, principal: Principal, version: str = OFFICIAL, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Every registered enterprise with its stage: register entries only, nothing of its plant."""
    rule = _ready(context, principal, version, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        return [
            {
                "uscc": e.uscc, "name_zh": e.name_zh, "name_en": e.name_en, "industry": e.industry,
                "region": e.region, "demo": e.demo, "registered_at": e.registered_at,
                "stage": record.stage if record else "", "since": record.since if record else None,
            }
            for e in enterprises(session)
            for record in [newest_evidence(session, e, rule)]
        ]  # fmt: skip


def enterprise_evidence(
    context: PlatformContext,
    principal: Principal,
    uscc: str,
    version: str = OFFICIAL,
    now: datetime | None = None,
) -> dict[str, Any]:
    """What puts an enterprise into its stage: rule, facts with hash, checks, moment.

    Raises:
        UnknownEnterprise: no such code is registered.
    """
    rule = _ready(context, principal, version, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        enterprise = enterprise_of(session, uscc)
        found = evidence(session, enterprise, rule) if enterprise else None
    if found is None:
        raise UnknownEnterprise(uscc)
    return found


def _ready(context: PlatformContext, principal: Principal, version: str, now: datetime | None) -> Rule:
    access_programme(principal, Permission.PROGRAMME)
    rule = published_rules().get(version)
    if rule is None:
        raise UnknownRule(version)
    moment = now or datetime.now(UTC)
    with _assessing:
        with context.metadata.above(Above.ADOPTION).session() as session:
            if is_assessed(session, rule, moment):
                return rule
            activities = _activities(context, session, rule, moment)
        with context.metadata.above(Above.ADOPTION).session() as session:
            assess(session, rule, activities, moment)
    return rule


def _activities(context: PlatformContext, session: Session, rule: Rule, now: datetime) -> dict[int, Activity]:
    """What the platform holds of each tenant that an enterprise of the register stands for."""
    job = job_principal(session, "programme")
    wanted = {e.tenant for e in enterprises(session)}
    scopes = [
        access_tenant(job, slug, Permission.READ)
        for slug, (number, _) in job.tenants.items()
        if number in wanted
    ]
    return {scope.tenant_id: _activity(context, session, scope, rule, now) for scope in scopes}


def _activity(
    context: PlatformContext, session: Session, scope: TenantScope, rule: Rule, now: datetime
) -> Activity:
    start, end = span(rule, now)
    activity = Activity(
        signals=tuple(list_signals(session, scope)),
        connectors=frozenset(source.name for source in list_sources(session, scope)),
        subscriptions=len(subscriptions(session, scope)),
        logins=tuple(logins_between(session, scope, start, end)),
        uses=tuple(AppUse(at, signals) for at, signals in uses_between(session, scope, start, end)),
    )
    live = frozenset(s.id for s in activity.live())
    narrowed = scope.narrowed(live, frozenset({Permission.READ}))
    return activity.with_minutes(context.telemetry.facts(narrowed, start, end))
