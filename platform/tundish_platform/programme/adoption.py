"""Assessments, the evidence they leave, and the adoption figures counted from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, or_, select

from tundish_platform.programme.counting import best_ranks, page_of, with_newest
from tundish_platform.programme.facts import Activity, aligned, gather
from tundish_platform.programme.models import Enterprise, EvidenceRecord, SuspicionRecord
from tundish_platform.programme.newest import newest_evidence
from tundish_platform.programme.published.stages import stage_tables
from tundish_platform.programme.register.reading import newest_change
from tundish_platform.programme.registry import enterprises
from tundish_platform.programme.rules import apply, facts_hash, published_rules
from tundish_platform.programme.sharing import (
    NotAgreed,
    Purpose,
    Record,
    agreed,
    agreeing,
    disclose,
    disclosed,
)
from tundish_platform.programme.simulated import simulated_city

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.programme.disclosure import Cell
    from tundish_platform.programme.rules import Facts, Rule


BENCHMARK: Final = "benchmark"


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
        by_region, by_industry: cells, rounded, and withheld where they could tell of a single enterprise.
        register_change: the register as known at that change was counted.
        simulated: of a made city.
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
    register_change: int = 0
    simulated: bool = False


def is_assessed(session: Session, rule: Rule, now: datetime) -> bool:
    """Whether every enterprise has evidence for the newest complete bin."""
    done = select(EvidenceRecord.enterprise_id).where(
        EvidenceRecord.rule_version == rule.version, EvidenceRecord.as_of == aligned(rule, now)
    )
    lacking = select(Enterprise.id).where(Enterprise.id.not_in(done), Enterprise.merged_into.is_(None))
    return session.scalar(lacking.limit(1)) is None


def is_large(session: Session, rule: Rule, most: int) -> bool:
    """Whether more enterprises than so many are registered, and the rule has been applied before."""
    if (session.scalar(select(func.count(Enterprise.id))) or 0) <= most:
        return False
    done = select(EvidenceRecord.id).where(EvidenceRecord.rule_version == rule.version).limit(1)
    return session.scalar(done) is not None


def assess(
    session: Session,
    rule: Rule,
    activities: Mapping[int, Activity],
    now: datetime,
    earlier: Mapping[int, Sequence[Mapping[str, float]]] | None = None,
) -> list[EvidenceRecord]:
    """Assess every enterprise under a rule and keep the evidence.

    Of a stretch of equal stages the first and the newest record stay; those between add nothing.

    Args:
        session: of the metadata database.
        rule: one published version.
        activities: per tenant id; an enterprise without a tenant, or whose tenant is absent, has no activity.
        now: the moment of the assessment.
        earlier: per enterprise id the facts of frozen months, the newest first, for a monthly rule.
    """
    assessed = []
    for enterprise in enterprises(session):
        activity = None if enterprise.tenant is None else activities.get(enterprise.tenant)
        facts = gather(enterprise, activity or Activity(), rule, now, (earlier or {}).get(enterprise.id, ()))
        assessed.append(_assess(session, rule, enterprise, facts, aligned(rule, now)))
    return assessed


def replays(record: EvidenceRecord) -> bool:
    """Whether the record's facts are unchanged and give the recorded stage again."""
    rule = published_rules()[record.rule_version]
    return facts_hash(record.facts) == record.facts_hash and apply(rule, record.facts).stage == record.stage


def adoption(session: Session, rule: Rule, secret: bytes | None = None) -> Adoption:
    """Count the enterprises per stage from the newest evidence of each.

    Args:
        session: of the metadata database.
        rule: one published version.
        secret: of the rounding of cells; without one they are withheld.
    """
    ranks = {stage.key: rank for rank, stage in enumerate(rule.stages, start=1)}
    known = session.execute(
        with_newest(rule, Enterprise.region, Enterprise.industry, Enterprise.demo, EvidenceRecord.as_of,
                     EvidenceRecord.stage)
    ).all()  # fmt: skip
    now = [ranks.get(stage, 0) for *_, stage in known]
    best = list(best_ranks(session, rule, ranks).values())
    stages = tuple(
        StageCount(
            stage.key, stage.name.zh, stage.name.en,
            current=sum(reached >= rank for reached in now), ever=sum(of >= rank for of in best),
        )
        for rank, stage in enumerate(rule.stages, start=1)
    )  # fmt: skip
    keys = [stage.key for stage in rule.stages]
    rows = [((one[0], one[1]), rank) for one, rank in zip(known, now, strict=True)]
    by_region, by_industry = stage_tables(rows, keys, secret)
    return Adoption(
        rule_version=rule.version, rule_name_zh=rule.name.zh, rule_name_en=rule.name.en, demo_rule=rule.demo,
        as_of=max((as_of for *_, as_of, _ in known if as_of), default=None),
        enterprises=len(known), demo_enterprises=sum(demo for _, _, demo, *_ in known), stages=stages,
        by_region=by_region, by_industry=by_industry, register_change=newest_change(session),
        simulated=simulated_city(session) is not None,
    )  # fmt: skip


def listed(
    session: Session, rule: Rule, after: str = "", limit: int | None = None, only: str | None = None
) -> list[dict[str, Any]]:
    """Register entries with the stage each is in, by code.

    Args:
        session: of the metadata database.
        rule: by which stages are told.
        after: code of the last enterprise of the page before.
        limit: how many at most.
        only: code of the one that is asked for; all if absent.
    """
    query = with_newest(rule, Enterprise, EvidenceRecord.stage, EvidenceRecord.since)
    wanted = Enterprise.id.in_(page_of(after, limit)) if only is None else Enterprise.uscc == only
    query = query.where(wanted)
    found = session.execute(query.order_by(Enterprise.uscc))
    return disclosed(
        Record.REGISTERED,
        (
            {
                "uscc": e.uscc, "name_zh": e.name_zh, "name_en": e.name_en, "industry": e.industry,
                "region": e.region, "demo": e.demo, "registered_at": e.registered_at,
                "stage": stage or "", "since": since,
            }
            for e, stage, since in found
        ),
    )  # fmt: skip


def named(session: Session, rule: Rule, after: str = "", limit: int | None = None) -> list[dict[str, Any]]:
    """Enterprises that agree, as this is asked, to be named in public, with the stage each is in, by code.

    Who agreed to be named as a benchmark is so only while it stands in that stage.

    Args:
        session: of the metadata database, above tenants.
        rule: by which stages are told.
        after: code of the last enterprise of the page before.
        limit: how many at most.
    """
    listed_anyway = Enterprise.tenant.in_(agreeing(Purpose.OPEN_DATA))
    as_benchmark = Enterprise.tenant.in_(agreeing(Purpose.NAMED)) & (EvidenceRecord.stage == BENCHMARK)
    query = with_newest(rule, Enterprise, EvidenceRecord.stage, EvidenceRecord.since, listed_anyway)
    query = query.where(or_(listed_anyway, as_benchmark), Enterprise.uscc > after)
    found = session.execute(query.order_by(Enterprise.uscc).limit(limit))
    return [
        disclose(
            Record.NAMED,
            {
                "uscc": e.uscc, "name_zh": e.name_zh, "name_en": e.name_en, "industry": e.industry,
                "region": e.region, "demo": e.demo, "rule_version": rule.version, "stage": stage or "",
                "since": since, "purpose": (Purpose.OPEN_DATA if anyway else Purpose.NAMED).value,
            },
            {Purpose.OPEN_DATA if anyway else Purpose.NAMED},
        )
        for e, stage, since, anyway in found
    ]  # fmt: skip


def state_of(session: Session) -> tuple[object, ...]:
    """What changes whenever an assessment is made, or an enterprise comes, goes, changes or is merged."""
    enterprises_known = session.execute(select(func.count(Enterprise.id), func.max(Enterprise.id))).one()
    newest = session.scalar(select(func.max(EvidenceRecord.id)))
    return (newest, *enterprises_known, newest_change(session))


def evidence(session: Session, enterprise: Enterprise, rule: Rule) -> dict[str, Any] | None:
    """The newest evidence of an enterprise as it is shown: rule, facts with hash, checks, result, moment.

    The facts are withheld where the enterprise does not agree, at this moment, that officers see them.
    """
    record = newest_evidence(session, enterprise, rule)
    if record is None:
        return None
    verdict = apply(rule, record.facts)
    reasons = select(SuspicionRecord.reason).where(SuspicionRecord.enterprise_id == enterprise.id)
    facts = _facts_for_officers(session, enterprise, record)
    found = {
        "uscc": enterprise.uscc, "name_zh": enterprise.name_zh, "name_en": enterprise.name_en,
        "demo": enterprise.demo, "rule_version": record.rule_version,
        "rule_name_zh": rule.name.zh, "rule_name_en": rule.name.en, "demo_rule": rule.demo,
        "as_of": record.as_of, "assessed_at": record.assessed_at, "since": record.since,
        "stage": record.stage, "facts": facts, "facts_withheld": facts is None,
        "facts_hash": record.facts_hash,
        "replays": replays(record),
        "next": verdict.next, "checks": [asdict(check) for check in verdict.checks],
        # A suspicion takes nobody's stage away; it stands beside.
        "suspicions": list(session.scalars(reasons.order_by(SuspicionRecord.reason))),
    }  # fmt: skip
    return disclose(Record.EVIDENCE, found)


def _facts_for_officers(
    session: Session, enterprise: Enterprise, record: EvidenceRecord
) -> dict[str, Any] | None:
    """The figures of each window; None where there is a plant behind them that does not agree."""
    # Without a tenant nothing is measured: the facts are zeros and what the register says.
    mine = frozenset({Purpose.EVIDENCE}) if enterprise.tenant is None else agreed(session, enterprise.tenant)
    try:
        windows = disclosed(Record.WINDOW, record.facts["windows"], mine)
    except NotAgreed:
        return None
    return {"as_of": record.facts["as_of"], "windows": windows}


def _assess(
    session: Session, rule: Rule, enterprise: Enterprise, facts: Facts, as_of: datetime
) -> EvidenceRecord:
    stage = apply(rule, facts).stage
    earlier = newest_evidence(session, enterprise, rule)
    if earlier is not None and earlier.as_of >= as_of:
        return earlier
    since = earlier.since if earlier is not None and earlier.stage == stage else as_of
    # A record of an entry that was merged stays with that entry, which may stand for itself again.
    if earlier is not None and earlier.enterprise_id == enterprise.id and since < earlier.as_of:
        session.delete(earlier)
    record = EvidenceRecord(
        enterprise_id=enterprise.id, rule_version=rule.version, as_of=as_of, assessed_at=datetime.now(UTC),
        since=since, stage=stage, facts=facts, facts_hash=facts_hash(facts),
    )  # fmt: skip
    session.add(record)
    session.flush()
    return record
