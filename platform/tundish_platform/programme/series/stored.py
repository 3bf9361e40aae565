"""Figures recomputed over all frozen months and kept, so that pages read and don't count."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.series.figures import best_of, by_cell, counted, funnel, projected
from tundish_platform.programme.series.frozen import digest_of, frozen_months, load
from tundish_platform.programme.series.models import StoredSeries
from tundish_platform.programme.series.months import row_of, shifted
from tundish_platform.programme.series.places import standing
from tundish_platform.programme.series.stages import asked, staged

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule
    from tundish_platform.programme.series.places import Standing
    from tundish_platform.programme.series.stages import Staged

MOST_MONTHS: Final = 36


@dataclass(frozen=True, slots=True)
class Stages:
    """The stage of each enterprise in each month, as it is kept.

    Attributes:
        enterprises: their numbers, rising, shape ``(n,)``.
        ranks: shape ``(n, m)``, -1 where absent.
        missing: of the newest month, bits of the failing conditions of the next stage, shape ``(n,)``.
        unbroken: of the newest month, months each condition holds, all stages' beside each other.
    """

    enterprises: NDArray[np.int32]
    ranks: NDArray[np.int8]
    missing: NDArray[np.uint8]
    unbroken: NDArray[np.uint8]

    @classmethod
    def none(cls, rule: Rule) -> Stages:
        """Those of no enterprise in no month."""
        conditions = sum(len(stage.conditions) for stage in rule.stages)
        return cls(
            np.empty(0, np.int32), np.empty((0, 0), np.int8), np.empty(0, np.uint8),
            np.empty((0, conditions), np.uint8),
        )  # fmt: skip

    @property
    def best(self) -> NDArray[np.int8]:
        """The highest rank up to each month."""
        return best_of(self.ranks)


def recompute(session: Session, rule: Rule, now: datetime) -> StoredSeries | None:
    """Apply a rule to all frozen months and keep what comes of it.

    Args:
        session: of the metadata database, above tenants.
        rule: one published version.
        now: the platform's clock.

    Returns:
        What is kept; None while no month is frozen.
    """
    panel = load(session, MOST_MONTHS, asked(rule))
    if not panel.months:
        return None
    register = standing(session)
    stages = _standing_for(_newest(panel.enterprises, staged(rule, panel)), register)
    places = register.places(stages.enterprises.tolist())
    keys, ahead = [stage.key for stage in rule.stages], _ahead(panel.months[-1])
    everybody = np.zeros(len(stages.enterprises), np.int64)
    figures = {
        "months": list(panel.months),
        "simulated": [m.month for m in frozen_months(session) if m.simulated],
        "stages": keys,
        "total": funnel(counted(stages.ranks, everybody, 1, len(keys)), 0, keys),
        "by_region": by_cell(stages.ranks, places.region, keys, ahead),
        "by_industry": by_cell(stages.ranks, places.industry, keys, ahead),
        "by_park": by_cell(stages.ranks, places.park, keys, ahead),
        "projection": projected(stages.ranks, keys, ahead),
    }
    record = StoredSeries(
        rule_version=rule.version, computed_at=now, digest=digest_of(session, MOST_MONTHS),
        figures=figures, stages=packed_stages(stages),
    )  # fmt: skip
    merged = session.merge(record)
    session.flush()
    return merged


def _ahead(newest: str) -> tuple[str, ...]:
    """The months to the end of the year, of the next year in December."""
    following = shifted(newest, 1)
    return row_of(following, f"{following[:4]}-12")


def _newest(enterprises: NDArray[np.int32], made: Staged) -> Stages:
    return Stages(
        enterprises, made.ranks, made.missing[:, -1], np.concatenate(made.unbroken, axis=1)
    )  # fmt: skip


def _standing_for(stages: Stages, register: Standing) -> Stages:
    """One row for each enterprise that stands for itself; of merged entries the highest stage of each month.

    Who is gone from the register is gone from its figures.
    """
    numbers = np.array([register.into.get(n, n) for n in stages.enterprises.tolist()], np.int64)
    kept = np.isin(numbers, np.fromiter(register.at, np.int64, len(register.at)))
    # The row that stands highest in the newest month comes last among those of an enterprise.
    order = np.flatnonzero(kept)[np.lexsort((stages.ranks[kept, -1], numbers[kept]))]
    known, first = np.unique(numbers[order], return_index=True)
    if not len(known):
        return Stages(known.astype(np.int32), stages.ranks[:0], stages.missing[:0], stages.unbroken[:0])
    last = order[np.append(first[1:], len(order)) - 1]
    ranks = np.maximum.reduceat(stages.ranks[order], first, axis=0)
    return Stages(known.astype(np.int32), ranks, stages.missing[last], stages.unbroken[last])


def series_of(session: Session, rule: Rule) -> StoredSeries | None:
    """What was kept of a rule, without the stages of each enterprise."""
    return session.get(StoredSeries, rule.version)


def is_current(session: Session, rule: Rule) -> bool:
    """Whether what is kept was computed from the months as they are frozen now."""
    kept = series_of(session, rule)
    return kept is not None and kept.digest == digest_of(session, MOST_MONTHS)


def packed_stages(stages: Stages) -> bytes:
    """Stages as NumPy writes them, compressed."""
    sink = io.BytesIO()
    np.savez_compressed(
        sink, enterprises=stages.enterprises, ranks=stages.ranks, missing=stages.missing,
        unbroken=stages.unbroken,
    )  # fmt: skip
    return sink.getvalue()


def unpacked_stages(content: bytes) -> Stages:
    """The stages of `packed_stages`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        return Stages(kept["enterprises"], kept["ranks"], kept["missing"], kept["unbroken"])
