"""What the cockpit shows: read from what is kept, nothing is counted for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tundish_platform.api.series import series, series_rule, stalled_steps, target_list
from tundish_platform.programme.published.log import UnknownFigure, newest_head
from tundish_platform.programme.reports.counting import STALLED_MONTHS
from tundish_platform.programme.reports.issuing import newest_reports, said_in
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.programme.reports.content import AppAdoption

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """The series, targets of its year, steps, apps of the newest report, and the log's head.

    Attributes:
        apps: with the month they are of; None before the first report.
        proof: size and root of the log; None before the first publication.
    """

    series: Told
    targets: tuple[Told, ...]
    steps: tuple[Told, ...]
    apps: tuple[str, AppAdoption] | None
    proof: tuple[int, str] | None


def shown_now(context: PlatformContext) -> Shown:
    """Everything as it is kept at this moment."""
    rule = series_rule()
    with context.metadata.above(Above.ADOPTION).session() as session:
        found = series(session, rule)
        year = int(found["months"][-1][:4]) if found["months"] else None
        report = next(iter(newest_reports(session, 1)), None)
        said = None if report is None else said_in(report)
        return Shown(
            found, tuple(target_list(session, rule, year)) if year else (),
            tuple(stalled_steps(session, rule, STALLED_MONTHS)),
            None if said is None else (said.month, said.apps), _proof(session),
        )  # fmt: skip


def _proof(session: Session) -> tuple[int, str] | None:
    try:
        head = newest_head(session)
    except UnknownFigure:
        return None
    return head.size, head.root
