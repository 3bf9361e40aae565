"""Issues reports: puts a month's content together and keeps it, once and for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from tundish_platform.audit import record
from tundish_platform.programme.declared import declared_figures
from tundish_platform.programme.external import counts
from tundish_platform.programme.published.entries import Figure
from tundish_platform.programme.published.log import newest_head
from tundish_platform.programme.published.models import Publication, PublishedFigure
from tundish_platform.programme.reports.content import (
    AppAdoption,
    DeclaredLine,
    ExternalSum,
    PublishedPart,
    ReportContent,
)
from tundish_platform.programme.reports.counting import (
    cells_of,
    months_of,
    moves_of,
    stage_list,
    stalled_of,
    standing_at,
    targets_of,
)
from tundish_platform.programme.reports.models import IssuedReport
from tundish_platform.programme.rules import published_rules
from tundish_platform.programme.series.forecast import LEVEL
from tundish_platform.programme.series.months import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.programme.published import HeadSigner
    from tundish_platform.programme.reports.content import AppUsers, Vouchers
    from tundish_platform.programme.reports.counting import Standing
    from tundish_platform.programme.rules import Rule

ACTION: Final = "report.issued"


class ReportStands(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The month's report was issued; another issue needs a reason."""


class UnknownReport(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """No report of that number was issued."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a report tells beside the frozen months: of apps and vouchers, counted by who may.

    Attributes:
        by_app: enterprises that used each app in the month.
        vouchers: their sums.
        signer: of the log of figures; None where the platform has no key for it.
    """

    by_app: tuple[AppUsers, ...]
    vouchers: Vouchers
    signer: HeadSigner | None


def content_of(session: Session, rule: Rule, month: str, beside: Beside, now: datetime) -> ReportContent:
    """A month's report as it is counted now.

    Raises:
        MonthNotFrozen: there are no facts of that month.
    """
    standing = standing_at(session, rule, month)
    day = (bounds(month)[1] - timedelta(days=1)).date()
    return ReportContent(
        month=month, rule_version=rule.version, rule_name=rule.name, facts_digest=standing.digest,
        months_used=len(standing.months), counted_at=now, simulated=standing.simulated,
        demo_enterprises=sum(place.demo for place in standing.places), level=LEVEL, stages=stage_list(rule),
        months=months_of(standing), by_region=cells_of(standing, "region"),
        by_industry=cells_of(standing, "industry"), by_size=cells_of(standing, "size"),
        moves=moves_of(standing), stalled=stalled_of(standing), targets=targets_of(session, standing),
        apps=_apps(standing, beside.by_app), vouchers=beside.vouchers,
        external=tuple(
            ExternalSum(kind=one.kind, in_force=one.in_force, ever=one.ever) for one in counts(session, day)
        ),
        declared=_declared(), published=_published(session, beside.signer),
    )  # fmt: skip


def issue(session: Session, content: ReportContent, by: str, now: datetime, reason: str = "") -> IssuedReport:
    """Keep a report.

    Args:
        session: of the metadata database, above tenants.
        content: as counted.
        by: who issues it.
        now: the platform's clock.
        reason: why, where one of the month was issued before.

    Raises:
        ReportStands: one was, and no reason is given.
    """
    last = session.scalar(select(func.max(IssuedReport.issue)).where(IssuedReport.month == content.month))
    if last is not None and not reason.strip():
        raise ReportStands(content.month)
    made = IssuedReport(
        month=content.month, issue=(last or 0) + 1, rule_version=content.rule_version, issued_at=now,
        issued_by=by, reason=reason.strip(), digest=content.digest(), text=content.text(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    detail = {"month": made.month, "issue": made.issue, "digest": made.digest, "reason": made.reason}
    record(session, by, ACTION, f"report/{made.id}", now=now, detail=detail)
    return made


def issued(session: Session, month: str = "", after: int = 0, limit: int = 1_000) -> list[IssuedReport]:
    """Issued reports in the order in which they were issued, of one month or of all."""
    query = select(IssuedReport).where(IssuedReport.id > after)
    if month:
        query = query.where(IssuedReport.month == month)
    return list(session.scalars(query.order_by(IssuedReport.id).limit(limit)))


def standing_report(session: Session, month: str) -> IssuedReport | None:
    """The newest issue of a month."""
    query = select(IssuedReport).where(IssuedReport.month == month).order_by(IssuedReport.issue.desc())
    return session.scalar(query.limit(1))


def newest_reports(session: Session, most: int) -> list[IssuedReport]:
    """The reports that were issued last, the newest first."""
    return list(session.scalars(select(IssuedReport).order_by(IssuedReport.id.desc()).limit(most)))


def report(session: Session, number: int) -> IssuedReport:
    """A report by its number.

    Raises:
        UnknownReport: there is none.
    """
    found = session.get(IssuedReport, number)
    if found is None:
        raise UnknownReport(str(number))
    return found


def said_in(made: IssuedReport) -> ReportContent:
    """What a report says."""
    return ReportContent.model_validate_json(made.text)


def _apps(standing: Standing, by_app: Sequence[AppUsers]) -> AppAdoption:
    here = standing.stages.ranks >= 0
    used, subscribed = standing.app_facts["apps"], standing.app_facts["subscriptions"]
    trend = (here & (used >= 1)).sum(axis=0).tolist()[-len(months_of(standing)) :]
    return AppAdoption(
        one=trend[-1], three=int((here[:, -1] & (used[:, -1] >= 3)).sum()),  # noqa: PLR2004 - as its name says
        subscribed=int((here[:, -1] & (subscribed[:, -1] >= 1)).sum()), trend=tuple(trend),
        by_app=tuple(by_app),
    )  # fmt: skip


def _declared() -> tuple[DeclaredLine, ...]:
    """What cities declared of enterprises, as the bureau's page shows it."""
    found = declared_figures()
    titles = {source.id: source.title for source in found.sources}
    return tuple(
        DeclaredLine(
            key=one.key, name=one.name, value=one.value, unit=one.unit, as_of=one.as_of, since=one.since,
            kind=one.kind, bound=one.bound, basis=one.basis, source=titles[one.source],
        )
        for one in found.figures
        if one.unit == "enterprise" or one.key.startswith("loudi.platform.")
    )  # fmt: skip


def _published(session: Session, signer: HeadSigner | None) -> PublishedPart | None:
    """The newest publication, those by an official rule first: its totals, counties and industries."""
    if signer is None:
        return None
    rules = published_rules()
    known = list(session.scalars(select(Publication).order_by(Publication.id.desc()).limit(24)))
    official = [one for one in known if one.rule_version in rules and not rules[one.rule_version].demo]
    chosen = next(iter(official or known), None)
    if chosen is None:
        return None
    rows = session.scalars(
        select(PublishedFigure.text)
        .where(PublishedFigure.publication_id == chosen.id)
        .order_by(PublishedFigure.number)
    )
    told = [Figure.model_validate_json(text) for text in rows]
    single = tuple(one for one in told if not (one.region and one.industry))
    return PublishedPart(key=signer.mark, head=newest_head(session), figures=single)
