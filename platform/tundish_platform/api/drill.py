"""From a county to its industries to its enterprises, by the stages of the newest frozen month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from tundish_platform.api.series import stages_kept
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.series.crossing import hidden_crossed
from tundish_platform.programme.series.figures import as_shown, counted, funnel
from tundish_platform.programme.series.places import standing
from tundish_platform.programme.series.stalled import unmoved
from tundish_platform.programme.sharing import Record, disclosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from tundish_platform.programme import Rule
    from tundish_platform.programme.series.stored import Stages


def industries_of(session: Session, rule: Rule, region: str) -> list[dict[str, Any]]:
    """Stages by industry within a county at the end of the newest month.

    A cell is withheld where it is small, or where a total of its county or its industry would give a small
    one away; the others are told as the months of counties are.
    """
    stages = stages_kept(session, rule)
    if not stages.ranks.size:
        return []
    where = standing(session).places(stages.enterprises.tolist())
    cells = list(zip(where.region, where.industry, strict=True))
    rows = [row for row, (place, _) in enumerate(cells) if place == region]
    names, cell = np.unique(np.array([cells[row][1] for row in rows], dtype=str), return_inverse=True)
    keys = [stage.key for stage in rule.stages]
    counts = counted(stages.ranks[rows], cell.astype(np.int64), len(names), len(keys))
    open_ = _open(cells, stages.ranks >= 0, [(region, str(name)) for name in names])
    shown = as_shown(counts, open_)
    return [
        {
            "key": key, "suppressed": not open_[place, -1],
            "figures": _newest(funnel(shown, place, keys)) if open_[place, -1] else None,
        }
        for place, key in enumerate(names.tolist())
        if counts.enterprises[place, -1]
    ]  # fmt: skip


def _open(
    cells: Sequence[tuple[str, str]], here: NDArray[np.bool_], wanted: Sequence[tuple[str, str]]
) -> NDArray[np.bool_]:
    """In which months each wanted cell may be shown, shape ``(wanted, months)``.

    Args:
        cells: county and industry of each enterprise.
        here: whether it is on the register in each month.
        wanted: cells.
    """
    known = sorted(set(cells))
    number = {cell: at for at, cell in enumerate(known)}
    of = np.array([number[cell] for cell in cells], np.int64)
    open_ = np.zeros((len(wanted), here.shape[1]), np.bool_)
    for month in range(here.shape[1]):
        sizes = np.bincount(of[here[:, month]], minlength=len(known)).tolist()
        hidden = hidden_crossed(dict(zip(known, sizes, strict=True)))
        open_[:, month] = [cell not in hidden and sizes[number[cell]] > 0 for cell in wanted]
    return open_


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
    return disclosed(Record.STAGED, found)


def _here(stages: Stages) -> dict[int, tuple[int, int]]:
    """Rank of the newest month and months without a move, of those that are on the register."""
    if not stages.ranks.size:
        return {}
    newest, still = stages.ranks[:, -1], unmoved(stages.ranks)
    return {
        int(stages.enterprises[row]): (int(newest[row]), int(still[row]))
        for row in np.flatnonzero(newest >= 0)
    }
