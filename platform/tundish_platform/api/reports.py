"""The bureau's monthly reports: what apps and vouchers add to the frozen months, and issuing by itself."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.rounds import Rounds
from tundish_platform.api.series import series_rule
from tundish_platform.api.vouchers import voucher_sums
from tundish_platform.marketplace import uses_between
from tundish_platform.programme import enterprises
from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.published.log import UnknownFigure, newest_head
from tundish_platform.programme.register.codes import county_names
from tundish_platform.programme.reports.content import AppUsers, Vouchers, VoucherSum
from tundish_platform.programme.reports.counting import texts
from tundish_platform.programme.reports.issuing import Beside, content_of, issue, standing_report
from tundish_platform.programme.series.frozen import frozen_months
from tundish_platform.programme.series.months import CLOCK, bounds
from tundish_platform.tenancy import Permission, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.api.vouchers import VoucherCell
    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.programme.published import HeadSigner
    from tundish_platform.programme.reports.models import IssuedReport

JOB: Final = "job:reports"
# So long a month's report waits for the month's figures to be published, so that it can name them.
_WAIT: Final = timedelta(days=3)


def issue_report(  # noqa: PLR0913 - what a report is made of
    session: Session, catalogue: Mapping[str, App], signer: HeadSigner | None, month: str, by: str,
    now: datetime, *, rule: str = MONTHLY, reason: str = "",
) -> IssuedReport:  # fmt: skip
    """Count a month's report and keep it.

    Args:
        session: of the metadata database, above tenants.
        catalogue: the apps there are, for their names.
        signer: of the log of figures, if the platform has a key.
        month: a frozen one.
        by: who issues it.
        now: the platform's clock.
        rule: version by which stages are told.
        reason: why, where one of the month was issued before.

    Raises:
        UnknownRule: no such rule counts by months.
        MonthNotFrozen: there are no facts of that month.
        ReportStands: one was issued, and no reason is given.
    """
    secret = None if signer is None else signer.rounding
    beside = Beside(app_users(session, catalogue, month), vouchers_by(session, now, secret), signer)
    return issue(session, content_of(session, series_rule(rule), month, beside, now), by, now, reason)


def app_users(session: Session, catalogue: Mapping[str, App], month: str) -> tuple[AppUsers, ...]:
    """By app, how many enterprises of the register had an accepted run in a month; few are not told."""
    start, end = bounds(month)
    job = job_principal(session, "programme")
    wanted = {one.tenant for one in enterprises(session)}
    used: Counter[str] = Counter()
    for slug, (number, _) in job.tenants.items():
        if number in wanted:
            scope = access_tenant(job, slug, Permission.READ)
            used.update({app for _, _, app in uses_between(session, scope, start, end)})
    names = {key: (app.manifest.name.zh, app.manifest.name.en) for key, app in catalogue.items()}
    order = sorted(used, key=lambda app: (-used[app] if used[app] >= LEAST_ENTERPRISES else 0, app))
    return tuple(
        AppUsers(
            app=app, name=texts(names.get(app, (app, app))),
            enterprises=used[app] if used[app] >= LEAST_ENTERPRISES else None,
        )
        for app in order
    )  # fmt: skip


def vouchers_by(session: Session, now: datetime, secret: bytes | None) -> Vouchers:
    """What vouchers came to by today, in all and by county: rounded as on the page, or withheld."""
    today = now.astimezone(CLOCK).date()
    sums = voucher_sums(session, today, secret)
    return Vouchers(on=today, total=_sum(sums.total), by_region=tuple(_sum(cell) for cell in sums.by_region))


def _sum(cell: VoucherCell) -> VoucherSum:
    return VoucherSum(
        key=cell.key, name=texts(county_names(cell.key)) if cell.key else None, enterprises=cell.enterprises,
        issued_fen=cell.issued_fen, redeemed_fen=cell.redeemed_fen, expired_fen=cell.expired_fen,
    )  # fmt: skip


def issue_if_due(context: PlatformContext, now: datetime) -> str | None:
    """Issue the newest frozen month's report if there is none; returns the month."""
    with context.metadata.above(Above.ADOPTION).session() as session:
        frozen = frozen_months(session)
        if not frozen or standing_report(session, frozen[-1].month) is not None:
            return None
        month = frozen[-1].month
        if context.figures is not None and _may_be_published(session, month, now):
            return None
        issue_report(session, context.catalogue.apps, context.figures, month, JOB, now)
    return month


def _may_be_published(session: Session, month: str, now: datetime) -> bool:
    """Whether the figures that belong to a month are still to be expected."""
    end = bounds(month)[1]
    try:
        return now - end < _WAIT and newest_head(session).at < end
    except UnknownFigure:
        return now - end < _WAIT


class ReportIssuer(Rounds):
    """Looks whether a month's report is due.

    Args:
        context: the platform's parts.
        every_s: seconds from one look to the next; the first comes after as long.
    """

    def __init__(self, context: PlatformContext, every_s: float = 3600.0) -> None:
        super().__init__("report-issuer", every_s, "report_not_issued")
        self._context = context

    def round(self, now: datetime) -> None:
        """Issue what is due."""
        issue_if_due(self._context, now)
