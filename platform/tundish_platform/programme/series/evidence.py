"""Evidence from frozen months alone: for a simulated city, which has no plants to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import insert

from tundish_platform.programme.models import EvidenceRecord
from tundish_platform.programme.rules import facts_hash
from tundish_platform.programme.series.figures import best_of
from tundish_platform.programme.series.frozen import load
from tundish_platform.programme.series.months import bounds
from tundish_platform.programme.series.stages import staged
from tundish_platform.programme.series.stalled import unmoved
from tundish_platform.programme.series.stored import MOST_MONTHS
from tundish_platform.programme.simulated import keep_apart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule
    from tundish_platform.programme.series.panel import Panel

_BLOCK: Final = 2_000


def assess_months(session: Session, rule: Rule, now: datetime) -> int:
    """Put every enterprise of a simulated city into its stage by its frozen months; returns how many.

    Of each the newest record is kept and, where it stood higher before, that of the last month of then.

    Raises:
        Mixed: the database is of real enterprises, who are assessed by what the platform holds.
    """
    keep_apart(session, simulated=True)
    panel = load(session, MOST_MONTHS)
    if not panel.months:
        return 0
    block: list[dict[str, Any]] = []
    assessed = set()
    for record in _records(rule, panel, now):
        assessed.add(record["enterprise_id"])
        block.append(record)
        if len(block) == _BLOCK:
            session.execute(insert(EvidenceRecord), block)
            block = []
    if block:
        session.execute(insert(EvidenceRecord), block)
    return len(assessed)


def _records(rule: Rule, panel: Panel, now: datetime) -> Iterator[dict[str, Any]]:
    ranks = staged(rule, panel).ranks
    keys, ends = ["", *(stage.key for stage in rule.stages)], [bounds(month)[1] for month in panel.months]
    newest, best, stood = len(panel.months) - 1, best_of(ranks)[:, -1], unmoved(ranks)
    for row, number in enumerate(panel.enterprises.tolist()):
        wanted = []
        if best[row] > max(0, ranks[row, -1]):
            last = int(np.flatnonzero(ranks[row] == best[row])[-1])
            wanted.append((last, last))
        # Who has left has no window and so no stage, now.
        wanted.append((newest, newest - int(stood[row]) + 1))
        for month, since in wanted:
            facts = {"as_of": ends[month].isoformat(), "windows": panel.windows(row, month)[: rule.windows]}
            yield {
                "enterprise_id": number, "rule_version": rule.version, "as_of": ends[month],
                "assessed_at": now, "since": ends[since], "stage": keys[max(0, ranks[row, month])],
                "facts": facts, "facts_hash": facts_hash(facts),
            }  # fmt: skip
