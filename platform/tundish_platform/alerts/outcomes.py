"""How good the alerts were, by what people found: the evaluation that only a plant can give."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import and_, func, select

from tundish_platform.alerts.feedback import Currency, Verdict
from tundish_platform.alerts.models import Alert, AlertFeedback
from tundish_platform.assets import lying_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

# Quantile of the normal law for a two-sided interval of 95 %.
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the alerts of one model version, or of all.

    Attributes:
        model, version: empty for all together.
        alerts: that were opened; `open` of them still are.
        answered: of which somebody has said anything.
        confirmed, false, unclear: by the newest feedback of each.
        answered_share: of all alerts.
        precision: confirmed of confirmed and false; ``None`` while there are none. Unclear ones and those
            nobody has answered say nothing either way.
        precision_low, precision_high: 95 % interval by Wilson, 1927.
        leads: confirmed alerts with a time of finding.
        lead_q1_s, lead_median_s, lead_q3_s: quartiles of the time from opening to finding.
        avoided_cost: sum of what people entered.
    """

    model: str
    version: str
    alerts: int
    open: int
    answered: int
    confirmed: int
    false: int
    unclear: int
    answered_share: float | None
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    leads: int
    lead_q1_s: float | None
    lead_median_s: float | None
    lead_q3_s: float | None
    avoided_cost: float
    currency: Currency = "CNY"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of all alerts asked for, and by model and version."""

    total: Outcome
    versions: list[Outcome]


class _Case(NamedTuple):
    model: str
    version: str
    open: bool
    verdict: str | None
    lead_s: float | None
    avoided_cost: float | None


def outcomes_of(
    session: Session, scope: TenantScope, *, model: str = "", line: str = "",
    start: datetime | None = None, end: datetime | None = None,
) -> Outcomes:  # fmt: skip
    """How the alerts that opened in ``[start, end)`` turned out.

    Args:
        session: of the metadata database.
        scope: with the permission to read, be it at some places.
        model: of this one only; all where empty.
        line: of the line with this path only; all where empty.
        start: source time of opening.
        end: source time of opening.

    Raises:
        AccessDenied: the scope may not read.
    """
    last = (
        select(func.max(AlertFeedback.id).label("id"))
        .where(AlertFeedback.tenant_id == scope.tenant_id)
        .group_by(AlertFeedback.alert_id)
    )
    said = and_(
        AlertFeedback.alert_id == Alert.id,
        AlertFeedback.tenant_id == scope.tenant_id,
        AlertFeedback.id.in_(last),
    )
    query = (
        select(
            Alert.model, Alert.version, Alert.closed_at.is_(None), AlertFeedback.verdict,
            AlertFeedback.lead_s, AlertFeedback.avoided_cost,
        )
        .outerjoin(AlertFeedback, said)
        .where(Alert.tenant_id == scope.tenant_id, lying_in(Alert.line, scope.places()))
    )  # fmt: skip
    if model:
        query = query.where(Alert.model == model)
    if line:
        query = query.where(Alert.line == line)
    if start is not None:
        query = query.where(Alert.opened_at >= start)
    if end is not None:
        query = query.where(Alert.opened_at < end)
    cases = [_Case(*row) for row in session.execute(query)]
    by: dict[tuple[str, str], list[_Case]] = defaultdict(list)
    for case in cases:
        by[case.model, case.version].append(case)
    versions = [outcome(*key, group) for key, group in sorted(by.items())]
    return Outcomes(outcome("", "", cases), versions)


def outcome(model: str, version: str, cases: Sequence[_Case]) -> Outcome:
    """Counts, shares and quartiles of some alerts."""
    count = {verdict: sum(case.verdict == verdict for case in cases) for verdict in Verdict}
    confirmed, false = count[Verdict.CONFIRMED], count[Verdict.FALSE]
    low, high = wilson(confirmed, confirmed + false)
    answered = sum(count.values())
    leads = [case.lead_s for case in cases if case.lead_s is not None]
    first, median, third = _quartiles(leads)
    return Outcome(
        model, version, len(cases), sum(case.open for case in cases),
        answered, confirmed, false, count[Verdict.UNCLEAR],
        answered / len(cases) if cases else None,
        confirmed / (confirmed + false) if confirmed + false else None, low, high,
        len(leads), first, median, third,
        sum(case.avoided_cost or 0.0 for case in cases),
    )  # fmt: skip


def wilson(hits: int, cases: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share by Wilson's score; ``None`` without cases.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if not cases:
        return None, None
    share, square = hits / cases, _Z * _Z
    middle = (share + square / (2 * cases)) / (1 + square / cases)
    half = _Z / (1 + square / cases) * math.sqrt(share * (1 - share) / cases + square / (4 * cases * cases))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _quartiles(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, median, third = quantiles(values, n=4, method="inclusive")
    return first, median, third
