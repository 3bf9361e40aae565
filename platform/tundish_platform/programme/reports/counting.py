"""Counts a month's report from the months as they were frozen up to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import select

from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.register.codes import county_names, industry_names
from tundish_platform.programme.register.sizes import SIZE_NAMES, Size
from tundish_platform.programme.register.tables import RegisterEntryRow
from tundish_platform.programme.reports.content import (
    Moves,
    ReportCell,
    ReportStage,
    ReportTarget,
    Row,
    StalledCount,
    Step,
)
from tundish_platform.programme.series.figures import by_cell, counted, funnel
from tundish_platform.programme.series.frozen import frozen_months, load
from tundish_platform.programme.series.panel import Panel
from tundish_platform.programme.series.places import Places
from tundish_platform.programme.series.places import standing as register_now
from tundish_platform.programme.series.progress import progress
from tundish_platform.programme.series.stages import asked, staged
from tundish_platform.programme.series.stalled import steps, unmoved
from tundish_platform.programme.series.stored import MOST_MONTHS, Stages
from tundish_platform.programme.series.targets import Kind, targets
from tundish_platform.sdk import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from tundish_platform.programme.rules import Rule
    from tundish_platform.programme.series.models import TargetRecord
    from tundish_platform.programme.series.progress import Progress

STALLED_MONTHS: Final = 6
# The month, and those a year back with which readers compare it.
SHOWN_MONTHS: Final = 13
_APP_FACTS: Final = ("apps", "subscriptions")
_NO_SIZE: Final = ("未划型", "not classified")
Names = tuple[str, str]


class MonthNotFrozen(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The month is not over, was not frozen, or lies before a hole."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an enterprise lies, and how large it is; ``""`` where nobody knows."""

    region: str
    industry: str
    size: str
    demo: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything of a month and those before it that a report is counted from.

    Attributes:
        stages: of each enterprise that is on the register, by month.
        places: of the same enterprises.
        app_facts: of the same, shape ``(n, m)`` each.
        digest: SHA-256 over the digests of the frozen months.
    """

    rule: Rule
    months: tuple[str, ...]
    stages: Stages
    places: tuple[Place, ...]
    app_facts: Mapping[str, NDArray[Any]]
    digest: str
    simulated: bool

    @property
    def keys(self) -> list[str]:
        """Of the rule's stages."""
        return [stage.key for stage in self.rule.stages]


def standing_at(session: Session, rule: Rule, month: str) -> Standing:
    """The state at the end of a frozen month: later months change nothing of it.

    Raises:
        MonthNotFrozen: there are no facts of it.
    """
    whole = load(session, MOST_MONTHS, tuple({*asked(rule), *_APP_FACTS}))
    if month not in whole.months:
        raise MonthNotFrozen(month)
    panel = _upto(whole, whole.months.index(month) + 1)
    register = _register(session)
    made = staged(rule, panel)
    kept = np.isin(panel.enterprises, np.fromiter(register, np.int64, len(register)))
    kept &= panel.present.any(axis=1)
    stages = Stages(
        panel.enterprises[kept], made.ranks[kept], made.missing[kept, -1],
        np.concatenate(made.unbroken, axis=1)[kept],
    )  # fmt: skip
    frozen = [one for one in frozen_months(session) if one.month in panel.months]
    spelled = "\n".join(f"{one.month} {one.digest}" for one in frozen)
    return Standing(
        rule, panel.months, stages, tuple(register[n] for n in stages.enterprises.tolist()),
        {name: panel.facts[name][kept] for name in _APP_FACTS},
        hashlib.sha256(spelled.encode()).hexdigest(), any(one.simulated for one in frozen),
    )  # fmt: skip


def _upto(panel: Panel, months: int) -> Panel:
    facts = {name: of[:, :months] for name, of in panel.facts.items()}
    return Panel(panel.enterprises, panel.months[:months], panel.present[:, :months], facts)


def _register(session: Session) -> dict[int, Place]:
    query = select(
        Enterprise.id, Enterprise.region, Enterprise.industry, RegisterEntryRow.size, Enterprise.demo
    ).outerjoin(RegisterEntryRow, RegisterEntryRow.enterprise_id == Enterprise.id)
    return {
        number: Place(region, industry, size or "", demo)
        for number, region, industry, size, demo in session.execute(query)
    }


def stage_list(rule: Rule) -> tuple[ReportStage, ...]:
    """The rule's stages with their conditions."""
    return tuple(
        ReportStage(
            key=stage.key, name=stage.name, windows=stage.windows,
            conditions=tuple(condition.text for condition in stage.conditions),
        )
        for stage in rule.stages
    )  # fmt: skip


def months_of(standing: Standing) -> tuple[Row, ...]:
    """The city by month, the newest last."""
    ranks, keys = standing.stages.ranks, standing.keys
    counts = counted(ranks, np.zeros(len(ranks), np.int64), 1, len(keys))
    found = funnel(counts, 0, keys)
    return tuple(
        Row(
            month=standing.months[at], enterprises=found["enterprises"][at],
            **{name: {key: found[name][key][at] for key in keys} for name in ("current", "ever", "new")},
        )
        for at in range(len(standing.months))[-SHOWN_MONTHS:]
    )  # fmt: skip


def cells_of(standing: Standing, cut: str) -> tuple[ReportCell, ...]:
    """The month by ``region``, ``industry`` or ``size``, small cells withheld."""
    names = _NAMES[cut]
    labels = [getattr(place, cut) for place in standing.places]
    found = by_cell(standing.stages.ranks, labels, standing.keys)
    if cut == "size":
        order = [*Size, ""]
        found.sort(key=lambda one: order.index(one["key"]))
    return tuple(_cell(one, names(one["key"])) for one in found)


def _cell(one: Mapping[str, Any], names: Names) -> ReportCell:
    figures = one["figures"]
    shut = figures is None or figures["enterprises"][-1] is None
    parts = {
        name: None if shut else {key: of[-1] for key, of in figures[name].items()}
        for name in ("current", "ever", "new")
    }
    size = None if shut else figures["enterprises"][-1]
    return ReportCell(key=one["key"], name=texts(names), enterprises=size, **parts)


def size_names(key: str) -> Names:
    """Names of a size class; of those that have none, too."""
    return SIZE_NAMES[Size(key)] if key else _NO_SIZE


def texts(names: Names) -> Texts:
    """A pair of names as texts."""
    return Texts(zh=names[0], en=names[1])


_NAMES: Final[dict[str, Callable[[str], Names]]] = {
    "region": county_names, "industry": industry_names, "size": size_names,
}  # fmt: skip


def moves_of(standing: Standing) -> Moves | None:
    """What moved since the month before; None in the first month."""
    ranks = standing.stages.ranks
    if len(standing.months) < 2:  # noqa: PLR2004 - a month and the one before
        return None
    before, now = ranks[:, -2], ranks[:, -1]
    both = (before >= 0) & (now >= 0)
    levels = list(enumerate(standing.keys, start=1))
    return Moves(
        joined=int(((before < 0) & (now >= 0)).sum()), left=int(((before >= 0) & (now < 0)).sum()),
        up=int((both & (now > before)).sum()), down=int((both & (now < before)).sum()),
        gained={key: int(((before < rank) & (now >= rank)).sum()) for rank, key in levels},
        lost={key: int(((before >= rank) & (now < rank)).sum()) for rank, key in levels},
    )  # fmt: skip


def stalled_of(standing: Standing) -> StalledCount:
    """Who has not moved for half a year, and what keeps them."""
    rule, stages = standing.rule, standing.stages
    newest, still = stages.ranks[:, -1], unmoved(stages.ranks) >= STALLED_MONTHS
    texts_of = {stage.key: stage.conditions for stage in rule.stages}
    return StalledCount(
        months=STALLED_MONTHS,
        enterprises=int((still & (newest >= 0) & (newest < len(rule.stages))).sum()),
        steps=tuple(
            Step(stage=stage, condition=texts_of[stage][bit].text, enterprises=number)
            for stage, bit, number in steps(rule, stages, STALLED_MONTHS)
        ),
    )


def targets_of(session: Session, standing: Standing) -> tuple[ReportTarget, ...]:
    """The targets of the month's year, with what was measured up to the month."""
    # Months keep no park: it is where the register has the enterprise now.
    parks = register_now(session).places(standing.stages.enterprises.tolist()).park
    places = Places(
        [place.region for place in standing.places], [place.industry for place in standing.places], parks
    )
    keys = standing.keys
    wanted = [one for one in targets(session, int(standing.months[-1][:4])) if one.stage in keys]
    return tuple(
        _target(one, progress(one, standing.months, keys, standing.stages, places)) for one in wanted
    )


def _target(one: TargetRecord, found: Progress) -> ReportTarget:
    end = found.year_end
    named = [*([county_names(one.region)] if one.region else []),
             *([industry_names(one.industry)] if one.industry else []),
             *([(one.park, one.park)] if one.park else [])]  # fmt: skip
    return ReportTarget(
        id=one.id, stage=one.stage, kind=Kind(one.kind), region=one.region, industry=one.industry,
        park=one.park, place=_joined(named), version=one.version, value=one.value or 0, source=one.source,
        suppressed=found.suppressed, actual=found.actual, completion=found.completion,
        low=end.low if end else None, middle=end.middle if end else None, high=end.high if end else None,
        completion_low=end.completion_low if end else None,
        completion_high=end.completion_high if end else None,
    )  # fmt: skip


def _joined(named: Sequence[Names]) -> Texts | None:
    if not named:
        return None
    return Texts(zh=" · ".join(zh for zh, _ in named), en=" · ".join(en for _, en in named))
