"""Figures recomputed over all frozen months and kept, so that pages read and don't count."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.series.figures import best_of, by_cell, counted, funnel
from tundish_platform.programme.series.forecast import LEVEL, SEED, as_figures, moves, project
from tundish_platform.programme.series.frozen import digest_of, frozen_months, load
from tundish_platform.programme.series.models import StoredSeries
from tundish_platform.programme.series.months import row_of, shifted
from tundish_platform.programme.series.stages import asked, staged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule
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


def recompute(
    session: Session, rule: Rule, now: datetime, parks: Mapping[int, str] | None = None
) -> StoredSeries | None:
    """Apply a rule to all frozen months and keep what comes of it.

    Args:
        session: of the metadata database, above tenants.
        rule: one published version.
        now: the platform's clock.
        parks: the park of those enterprises that lie in one.

    Returns:
        What is kept; None while no month is frozen.
    """
    panel = load(session, MOST_MONTHS, asked(rule))
    if not panel.months:
        return None
    register = {
        number: (region, industry)
        for number, region, industry in session.execute(
            select(Enterprise.id, Enterprise.region, Enterprise.industry)
        )
    }
    made = staged(rule, panel)
    # Who is gone from the register is gone from its figures.
    kept = np.isin(panel.enterprises, np.fromiter(register, np.int64, len(register)))
    stages = _newest(panel.enterprises, made, kept)
    places = [register[number] for number in stages.enterprises.tolist()]
    keys = [stage.key for stage in rule.stages]
    figures = {
        "months": list(panel.months),
        "simulated": [m.month for m in frozen_months(session) if m.simulated],
        "stages": keys,
        "total": funnel(counted(stages.ranks, np.zeros(len(places), np.int64), 1, len(keys)), 0, keys),
        "by_region": by_cell(stages.ranks, [region for region, _ in places], keys),
        "by_industry": by_cell(stages.ranks, [industry for _, industry in places], keys),
        "by_park": _by_park(stages, keys, parks or {}),
        "projection": _projection(stages, panel.months[-1], keys),
    }
    record = StoredSeries(
        rule_version=rule.version, computed_at=now, digest=digest_of(session, MOST_MONTHS),
        figures=figures, stages=packed_stages(stages),
    )  # fmt: skip
    merged = session.merge(record)
    session.flush()
    return merged


def _projection(stages: Stages, newest: str, keys: list[str]) -> dict[str, Any] | None:
    """All stages to the end of the year, of the next year in December; None while months are too few."""
    year = int(shifted(newest, 1)[:4])
    ahead = row_of(shifted(newest, 1), f"{year:04d}-12")
    found = {"months": list(ahead), "level": LEVEL}
    for name, ranks in (("current", stages.ranks), ("ever", stages.best)):
        seen = moves(ranks, len(keys))
        if seen is None:
            return None
        made = project(seen, len(ahead), np.random.default_rng(SEED))
        found[name] = {key: as_figures(made, place) for place, key in enumerate(keys)}
    return found


def _newest(enterprises: NDArray[np.int32], made: Staged, kept: NDArray[np.bool_]) -> Stages:
    return Stages(
        enterprises[kept], made.ranks[kept], made.missing[kept, -1],
        np.concatenate(made.unbroken, axis=1)[kept],
    )  # fmt: skip


def _by_park(stages: Stages, keys: list[str], parks: Mapping[int, str]) -> list[dict[str, Any]]:
    """Parks are a cut of their own: who lies in none is in no cell of it."""
    rows = [i for i, number in enumerate(stages.enterprises.tolist()) if number in parks]
    return (
        by_cell(stages.ranks[rows], [parks[int(stages.enterprises[i])] for i in rows], keys) if rows else []
    )


def series_of(session: Session, rule: Rule) -> StoredSeries | None:
    """What was kept of a rule, without the stages of each enterprise."""
    return session.get(StoredSeries, rule.version)


def is_current(session: Session, rule: Rule) -> bool:
    """Whether what is kept was computed from the months as they are frozen now."""
    standing = series_of(session, rule)
    return standing is not None and standing.digest == digest_of(session, MOST_MONTHS)


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
