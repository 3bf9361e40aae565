"""Figures by month, who is stalled, and targets, as routes and pages show them."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from tundish_platform.api.adoption import UnknownRule
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.programme import published_rules
from tundish_platform.programme.models import Enterprise, SuspicionRecord
from tundish_platform.programme.register.tables import RegisterEntryRow
from tundish_platform.programme.series.guarding import nearest
from tundish_platform.programme.series.places import standing
from tundish_platform.programme.series.progress import open_months, progress
from tundish_platform.programme.series.stalled import stalled, steps
from tundish_platform.programme.series.stored import Stages, series_of, unpacked_stages
from tundish_platform.programme.series.targets import Scope, percent, targets
from tundish_platform.programme.sharing import Record, disclosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from tundish_platform.programme import Rule
    from tundish_platform.programme.series.models import StoredSeries, TargetRecord
    from tundish_platform.programme.series.places import Places
    from tundish_platform.programme.series.progress import Progress

_ALL: Final = Scope()
_NOTHING: dict[str, Any] = {
    "months": [], "simulated": [], "total": None, "by_region": [], "by_industry": [], "by_park": [],
    "projection": None,
}  # fmt: skip


# A target's progress follows from the series and the version of the target, and neither ever changes.
_KEPT: dict[tuple[object, ...], Progress] = {}
_MOST_KEPT: Final = 2_000


def series_rule(version: str = MONTHLY) -> Rule:
    """The rule of that version.

    Raises:
        UnknownRule: none was published, or it counts in minutes: months mean nothing to it.
    """
    rule = published_rules().get(version)
    if rule is None or rule.demo:
        raise UnknownRule(version)
    return rule


def series(session: Session, rule: Rule) -> dict[str, Any]:
    """Figures of all frozen months, as they were recomputed last."""
    kept = series_of(session, rule)
    told = {
        "rule_version": rule.version, "rule_name_zh": rule.name.zh, "rule_name_en": rule.name.en,
        "stages": [{"key": s.key, "name_zh": s.name.zh, "name_en": s.name.en} for s in rule.stages],
        "computed_at": None, "digest": "",
    }  # fmt: skip
    if kept is None:
        return told | _NOTHING
    figures = {key: kept.figures[key] for key in _NOTHING}
    return told | figures | {"computed_at": kept.computed_at, "digest": kept.digest}


def stalled_list(
    session: Session, rule: Rule, months: int, scope: Scope = _ALL, after: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Enterprises of a scope that have not moved for so many months, with the step each is stuck on."""
    stages = stages_kept(session, rule)
    found = stalled(rule, stages, months, _within(session, stages, scope), after, limit)
    numbers = [one.enterprise for one in found]
    lies = {number: park for part in _parts(numbers) for number, park in _parks(session, part)}
    known = {e.id: e for part in _parts(numbers) for e in _enterprises(session, part)}
    suspected: dict[int, list[str]] = {}
    for part in _parts(numbers):
        reasons = select(SuspicionRecord.enterprise_id, SuspicionRecord.reason).where(
            SuspicionRecord.enterprise_id.in_(part)
        )
        for number, reason in session.execute(reasons.order_by(SuspicionRecord.reason)):
            suspected.setdefault(number, []).append(reason)
    rows = (
        {
            "id": one.enterprise, "uscc": e.uscc, "name_zh": e.name_zh, "name_en": e.name_en,
            "region": e.region, "industry": e.industry, "park": lies.get(e.id) or "", "demo": e.demo,
            "stage": one.stage, "next": one.next, "months": one.months,
            "failing": [asdict(condition) for condition in one.failing],
            "suspicions": suspected.get(one.enterprise, []),
        }
        for one in found
        if (e := known.get(one.enterprise)) is not None
    )  # fmt: skip
    return disclosed(Record.STALLED, rows)


def stalled_steps(session: Session, rule: Rule, months: int, scope: Scope = _ALL) -> list[dict[str, Any]]:
    """How many stalled enterprises each condition keeps back, in the order of the rule.

    Of a part of the city multiples of five, and nothing where few enterprises lie in it or besides it.
    """
    texts = {stage.key: stage.conditions for stage in rule.stages}
    stages = stages_kept(session, rule)
    within = _within(session, stages, scope)
    if within is None:
        told: Callable[[int], int | None] = int
    else:
        open_ = stages.ranks.size > 0 and open_months(stages, _places(session, stages), scope, within)[-1]
        told = nearest if open_ else _withhold
    return [
        {"stage": stage, "text_zh": texts[stage][bit].text.zh, "text_en": texts[stage][bit].text.en,
         "enterprises": told(number)}
        for stage, bit, number in steps(rule, stages, months, within)
    ]  # fmt: skip


def _withhold(_count: int) -> None:
    return None


def _within(session: Session, stages: Stages, scope: Scope) -> NDArray[np.bool_] | None:
    """Which enterprises a scope holds; None for all of them."""
    return None if scope == _ALL else _places(session, stages).within(scope)


def target_list(
    session: Session, rule: Rule, year: int | None = None, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Targets in force with what was measured of each and what is projected."""
    found = [one for one in targets(session, year) if one.id > after]
    found = sorted(found, key=lambda one: one.id)[:limit]
    kept = series_of(session, rule) if found else None
    measured = _measured(session, rule, kept, found) if kept else {}
    return [_target(one) | _progress(measured.get(one.id)) for one in found]


def target_told(one: TargetRecord) -> dict[str, Any]:
    """A version of a target as it was entered."""
    return _target(one)


def _target(one: TargetRecord) -> dict[str, Any]:
    names = (
        "id", "year", "stage", "kind", "region", "industry", "park", "version", "value", "source",
        "entered_by", "entered_at",
    )  # fmt: skip
    return {name: getattr(one, name) for name in names}


def _progress(found: Progress | None) -> dict[str, Any]:
    if found is None:
        return {"progress": None, "completion_percent": None}
    return {"progress": asdict(found), "completion_percent": percent(found.completion)}


def _measured(
    session: Session, rule: Rule, kept: StoredSeries, wanted: Iterable[TargetRecord]
) -> dict[int, Progress]:
    """Progress of each target, computed where it wasn't before."""
    if len(_KEPT) > _MOST_KEPT:
        _KEPT.clear()
    where = str(session.get_bind().engine.url), kept.rule_version, kept.digest, kept.computed_at
    keys = [stage.key for stage in rule.stages]
    known = [one for one in wanted if one.stage in keys]
    fresh = [one for one in known if (*where, one.id) not in _KEPT]
    if fresh:
        stages, months = _unpacked(kept.stages), kept.figures["months"]
        places = _places(session, stages)
        _KEPT.update({(*where, one.id): progress(one, months, keys, stages, places) for one in fresh})
    return {one.id: _KEPT[*where, one.id] for one in known}


def _places(session: Session, stages: Stages) -> Places:
    return standing(session).places(stages.enterprises.tolist())


def _parks(session: Session, numbers: list[int]) -> Iterable[tuple[int, str | None]]:
    query = select(RegisterEntryRow.enterprise_id, RegisterEntryRow.park)
    found = session.execute(query.where(RegisterEntryRow.enterprise_id.in_(numbers)))
    return [(number, park) for number, park in found]


@lru_cache(maxsize=2)
def _unpacked(content: bytes) -> Stages:
    return unpacked_stages(content)


def stages_kept(session: Session, rule: Rule) -> Stages:
    """The stage of each enterprise in each month as it was recomputed last."""
    standing = series_of(session, rule)
    return Stages.none(rule) if standing is None else _unpacked(standing.stages)


def _enterprises(session: Session, numbers: list[int]) -> list[Enterprise]:
    return list(session.scalars(select(Enterprise).where(Enterprise.id.in_(numbers))))


def _parts(numbers: list[int], size: int = 1_000) -> Iterable[list[int]]:
    """Databases take only so many values in one statement."""
    return (numbers[i : i + size] for i in range(0, len(numbers), size))
