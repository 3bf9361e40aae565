"""The newest evidence of an enterprise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from tundish_platform.programme.models import Enterprise, EvidenceRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule

# So many entries at most are looked at that were merged into one.
_FAMILY: Final = 20


def newest_evidence(session: Session, enterprise: Enterprise, rule: Rule) -> EvidenceRecord | None:
    """The newest record of an enterprise or of one merged into it; of two of a moment the higher stage."""
    family = select(Enterprise.id).where(
        or_(Enterprise.id == enterprise.id, Enterprise.merged_into == enterprise.id)
    )
    found = session.scalars(
        select(EvidenceRecord)
        .where(EvidenceRecord.enterprise_id.in_(family), EvidenceRecord.rule_version == rule.version)
        .order_by(EvidenceRecord.as_of.desc())
        .limit(_FAMILY)
    ).all()
    ranks = [stage.key for stage in rule.stages]
    newest = [record for record in found if record.as_of == found[0].as_of]
    return max(newest, key=lambda one: ranks.index(one.stage) if one.stage in ranks else -1, default=None)
