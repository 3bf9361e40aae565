"""Who is counted: every enterprise that stands for itself with its newest evidence, in one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import aliased

from tundish_platform.programme.models import Enterprise, EvidenceRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule

_OTHER, _KIN = aliased(EvidenceRecord), aliased(Enterprise)


@dataclass(frozen=True, slots=True)
class Counted:
    """An enterprise that is counted, with its newest evidence and the ranks it has now and ever had."""

    uscc: str
    region: str
    industry: str
    demo: bool
    as_of: datetime
    stage: str
    facts_hash: str
    now: int
    best: int


def counted(session: Session, rule: Rule) -> list[Counted]:
    """Every enterprise that was assessed, by code, in one question and without the facts themselves."""
    ranks = {stage.key: rank for rank, stage in enumerate(rule.stages, start=1)}
    best = best_ranks(session, rule, ranks)
    query = with_newest(
        rule, Enterprise.id, Enterprise.uscc, Enterprise.region, Enterprise.industry, Enterprise.demo,
        EvidenceRecord.as_of, EvidenceRecord.stage, EvidenceRecord.facts_hash,
    )  # fmt: skip
    found = session.execute(query.where(EvidenceRecord.id.is_not(None)).order_by(Enterprise.uscc))
    return [
        Counted(uscc, region, industry, demo, as_of, stage, digest, ranks.get(stage, 0), best[number])
        for number, uscc, region, industry, demo, as_of, stage, digest in found
    ]


def with_newest(rule: Rule, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns of two tables
    """Columns of every enterprise and of its `newest_evidence`, which is NULL before the first."""
    ranks = {stage.key: rank for rank, stage in enumerate(rule.stages, start=1)}
    rank = case(ranks, value=_OTHER.stage, else_=0)
    # A few looks into indices for each row that is wanted, so that a page of a large register costs a page.
    newest = (
        select(_OTHER.id)
        .join(_KIN, _KIN.id == _OTHER.enterprise_id)
        .where(or_(_KIN.id == Enterprise.id, _KIN.merged_into == Enterprise.id))
        .where(_OTHER.rule_version == rule.version)
        .order_by(_OTHER.as_of.desc(), rank.desc())
        .limit(1)
        .correlate(Enterprise)
        .scalar_subquery()
    )
    standing = select(*columns).select_from(Enterprise).where(Enterprise.merged_into.is_(None))
    return standing.outerjoin(EvidenceRecord, EvidenceRecord.id == newest)


def best_ranks(session: Session, rule: Rule, ranks: Mapping[str, int]) -> dict[int, int]:
    """By number of each enterprise that stands for itself, the highest rank it or one merged into it had."""
    best: dict[int, int] = {}
    standing = func.coalesce(Enterprise.merged_into, Enterprise.id)
    query = (
        select(standing, EvidenceRecord.stage)
        .join(Enterprise, Enterprise.id == EvidenceRecord.enterprise_id)
        .where(EvidenceRecord.rule_version == rule.version)
    )
    for enterprise_id, stage in session.execute(query.distinct()):
        best[enterprise_id] = max(best.get(enterprise_id, 0), ranks.get(stage, 0))
    return best


def page_of(after: str, limit: int | None) -> Select[tuple[int]]:
    """Numbers of the enterprises of a page by code, so that nothing is looked up of those before and behind.

    Args:
        after: code of the last one of the page before.
        limit: how many at most.
    """
    # Not a plain IS NULL: databases would gather all that were never merged by its index, and sort them.
    stands = func.coalesce(Enterprise.merged_into, 0) == 0
    page = select(Enterprise.id).where(stands, Enterprise.uscc > after).order_by(Enterprise.uscc).limit(limit)
    return select(page.subquery().c.id)
