"""From a county to its industries to its enterprises, by the stages of the newest frozen month."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from tundish_platform.api.series import stages_kept
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.series.crossing import hidden_crossed
from tundish_platform.programme.series.figures import counted, funnel
from tundish_platform.programme.series.stalled import unmoved

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.programme import Rule
    from tundish_platform.programme.series.stored import Stages


def industries_of(session: Session, rule: Rule, region: str) -> list[dict[str, Any]]:
    """Stages by industry within a county at the end of the newest month.

    A cell is withheld where it is small, or where a total of its county or its industry would give a small
    one away.
    """
    stages = stages_kept(session, rule)
    if not stages.ranks.size:
        return []
    where = {
        number: (place, industry)
        for number, place, industry in session.execute(
            select(Enterprise.id, Enterprise.region, Enterprise.industry)
        )
    }
    here = stages.ranks[:, -1] >= 0
    cells = [where.get(number, ("", "")) for number in stages.enterprises.tolist()]
    sizes = Counter(cell for cell, is_here in zip(cells, here.tolist(), strict=True) if is_here)
    hidden = hidden_crossed(sizes)
    rows = [row for row, (place, _) in enumerate(cells) if place == region and here[row]]
    keys = [stage.key for stage in rule.stages]
    names, cell = np.unique(np.array([cells[row][1] for row in rows], dtype=str), return_inverse=True)
    counts = counted(stages.ranks[rows], cell.astype(np.int64), len(names), len(keys))
    return [
        {"key": key, "suppressed": shut, "figures": None if shut else _newest(funnel(counts, place, keys))}
        for place, key in enumerate(names.tolist())
        for shut in [(region, key) in hidden]
    ]


def _newest(figures: dict[str, Any]) -> dict[str, Any]:
    """A funnel of the newest month alone."""
    return {
        name: of[-1:] if isinstance(of, list) else {key: row[-1:] for key, row in of.items()}
        for name, of in figures.items()
    }


def enterprises_within(
    session: Session, rule: Rule, region: str, industry: str, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Enterprises of a county and an industry that are on the register, with the stage each is in.

    Args:
        session: of the metadata database, above tenants.
        rule: by which stages are told.
        region: code of the county; ``""`` for all.
        industry: code as the register has it; ``""`` for all.
        after: number of the last one of the page before.
        limit: how many at most.
    """
    stages = stages_kept(session, rule)
    here = _here(stages)
    query = select(Enterprise).where(Enterprise.id > after, Enterprise.merged_into.is_(None))
    if region:
        query = query.where(Enterprise.region == region)
    if industry:
        query = query.where(Enterprise.industry == industry)
    keys = ["", *(stage.key for stage in rule.stages)]
    found = []
    for one in session.scalars(query.order_by(Enterprise.id)):
        if one.id in here:
            rank, months = here[one.id]
            found.append(
                {"id": one.id, "uscc": one.uscc, "name_zh": one.name_zh, "name_en": one.name_en,
                 "region": one.region, "industry": one.industry, "demo": one.demo, "stage": keys[rank],
                 "months": months}
            )  # fmt: skip
            if len(found) == limit:
                break
    return found


def _here(stages: Stages) -> dict[int, tuple[int, int]]:
    """Rank of the newest month and months without a move, of those that are on the register."""
    if not stages.ranks.size:
        return {}
    newest, still = stages.ranks[:, -1], unmoved(stages.ranks)
    return {
        int(stages.enterprises[row]): (int(newest[row]), int(still[row]))
        for row in np.flatnonzero(newest >= 0)
    }
