"""Assessments, the evidence they leave, and the adoption figures counted from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tundish_platform.programme.disclosure import Cell, cells
from tundish_platform.programme.facts import Activity, aligned, gather
from tundish_platform.programme.models import Enterprise, EvidenceRecord
from tundish_platform.programme.registry import enterprises
from tundish_platform.programme.rules import apply, facts_hash, published_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule


@dataclass(frozen=True, slots=True)
class StageCount:
    """Enterprises in a stage: now (those above included), and ever."""

    stage: str
    name_zh: str
    name_en: str
    current: int
    ever: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """The adoption figures under one version of the rules.

    Attributes:
        as_of: end of the newest window counted; None before the first assessment.
        demo_enterprises: how many of the registered are fictional.
        by_region, by_industry: cells, suppressed where they could tell of a single enterprise.
    """

    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    demo_rule: bool
    as_of: datetime | None
    enterprises: int
    demo_enterprises: int
    stages: tuple[StageCount, ...]
    by_region: tuple[Cell, ...]
    by_industry: tuple[Cell, ...]


def is_assessed(session: Session, rule: Rule, now: datetime) -> bool:
    """Whether every enterprise has evidence for the newest complete bin."""
    as_of = aligned(rule, now)
    done = select(EvidenceRecord.enterprise_id).where(
        EvidenceRecord.rule_version == rule.version, EvidenceRecord.as_of == as_of
    )
    return {e.id for e in enterprises(session)} <= set(session.scalars(done))


def assess(
    session: Session, rule: Rule, activities: Mapping[int, Activity], now: datetime
) -> list[EvidenceRecord]:
    """Assess every enterprise under a rule and keep the evidence.

    Of a stretch of equal stages the first and the newest record stay; those between add nothing.

    Args:
        session: of the metadata database.
        rule: one published version.
        activities: per tenant id; an enterprise without a tenant, or whose tenant is absent, has no activity.
        now: the moment of the assessment.
    """
    assessed = []
    for enterprise in enterprises(session):
        activity = None if enterprise.tenant is None else activities.get(enterprise.tenant)
        assessed.append(_assess(session, rule, enterprise, activity or Activity(), now))
    return assessed


def replays(record: EvidenceRecord) -> bool:
    """Whether the record's facts are unchanged and give the recorded stage again."""
    rule = published_rules()[record.rule_version]
    return facts_hash(record.facts) == record.facts_hash and apply(rule, record.facts).stage == record.stage


def adoption(session: Session, rule: Rule) -> Adoption:
    """Count the enterprises per stage from the newest evidence of each."""
    known = enterprises(session)
    newest = {e.id: newest_evidence(session, e, rule) for e in known}
    ranks = {stage.key: rank for rank, stage in enumerate(rule.stages, start=1)}
    now = {e.id: ranks.get(record.stage, 0) if record else 0 for e in known for record in [newest[e.id]]}
    best = _best(session, rule, ranks)
    stages = tuple(
        StageCount(
            stage.key, stage.name.zh, stage.name.en,
            current=sum(reached >= rank for reached in now.values()),
            ever=sum(best.get(e.id, 0) >= rank for e in known),
        )
        for rank, stage in enumerate(rule.stages, start=1)
    )  # fmt: skip
    keys = [stage.key for stage in rule.stages]
    return Adoption(
        rule_version=rule.version, rule_name_zh=rule.name.zh, rule_name_en=rule.name.en, demo_rule=rule.demo,
        as_of=max((record.as_of for record in newest.values() if record), default=None),
        enterprises=len(known), demo_enterprises=sum(e.demo for e in known), stages=stages,
        by_region=cells([(e.region, now[e.id]) for e in known], keys),
        by_industry=cells([(e.industry, now[e.id]) for e in known], keys),
    )  # fmt: skip


def newest_evidence(session: Session, enterprise: Enterprise, rule: Rule) -> EvidenceRecord | None:
    """The newest record of an enterprise under a rule."""
    return session.scalar(
        select(EvidenceRecord)
        .where(EvidenceRecord.enterprise_id == enterprise.id, EvidenceRecord.rule_version == rule.version)
        .order_by(EvidenceRecord.as_of.desc())
        .limit(1)
    )


def evidence(session: Session, enterprise: Enterprise, rule: Rule) -> dict[str, Any] | None:
    """The newest evidence of an enterprise as it is shown: rule, facts with hash, checks, result, moment."""
    record = newest_evidence(session, enterprise, rule)
    if record is None:
        return None
    return {
        "uscc": enterprise.uscc, "name_zh": enterprise.name_zh, "name_en": enterprise.name_en,
        "demo": enterprise.demo, "rule_version": record.rule_version,
        "rule_name_zh": rule.name.zh, "rule_name_en": rule.name.en, "demo_rule": rule.demo,
        "as_of": record.as_of, "assessed_at": record.assessed_at, "since": record.since,
        "stage": record.stage, "facts": record.facts, "facts_hash": record.facts_hash,
        "replays": replays(record),
        "checks": [asdict(check) for check in apply(rule, record.facts).checks],
    }  # fmt: skip


def _assess(
    session: Session, rule: Rule, enterprise: Enterprise, activity: Activity, now: datetime
) -> EvidenceRecord:
    facts = gather(enterprise, activity, rule, now)
    as_of, stage = aligned(rule, now), apply(rule, facts).stage
    earlier = newest_evidence(session, enterprise, rule)
    if earlier is not None and earlier.as_of >= as_of:
        return earlier
    since = earlier.since if earlier is not None and earlier.stage == stage else as_of
    if earlier is not None and since < earlier.as_of:
        session.delete(earlier)
    record = EvidenceRecord(
        enterprise_id=enterprise.id, rule_version=rule.version, as_of=as_of, assessed_at=datetime.now(UTC),
        since=since, stage=stage, facts=facts, facts_hash=facts_hash(facts),
    )  # fmt: skip
    session.add(record)
    session.flush()
    return record


def _best(session: Session, rule: Rule, ranks: Mapping[str, int]) -> dict[int, int]:
    best: dict[int, int] = {}
    query = select(EvidenceRecord.enterprise_id, EvidenceRecord.stage).where(
        EvidenceRecord.rule_version == rule.version
    )
    for enterprise_id, stage in session.execute(query.distinct()):
        best[enterprise_id] = max(best.get(enterprise_id, 0), ranks.get(stage, 0))
    return best
