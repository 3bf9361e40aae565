"""What the platform's counts say of an answer: points from 0 to 100, or nothing where they cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tundish_app_maturity_check.scoring import Score

    Counts = Mapping[str, float]

# One step of the answers: who says "in parts" and is found to have begun is not contradicted.
STEP: Final = 25.0
_FULL: Final = 100.0


def _share(part: str, whole: str) -> Callable[[Counts], float | None]:
    def share(counts: Counts) -> float | None:
        return _FULL * min(1.0, counts.get(part, 0.0) / counts[whole]) if counts.get(whole) else None

    return share


def _any(name: str, enough: float) -> Callable[[Counts], float | None]:
    return lambda counts: _FULL * min(1.0, counts[name] / enough) if name in counts else None


RULES: Final[Mapping[str, Callable[[Counts], float | None]]] = {
    "machines": _share("connected_machines", "machines"),
    "signals": _share("connected_signals", "signals"),
    "products": _any("products", 20),
    "orders": _any("orders", 5),
    "apps": _any("apps", 4),
    "alarms": _share("alarms_acknowledged", "alarms_raised"),
    "people": _share("people_active", "people"),
    "maintenance": _any("maintenance_windows", 4),
    "alerts": _any("alerts_judged", 4),
}
"""By the word that a question has as its evidence. How much is enough is this app's own judgement."""


def measured(score: Score, counts: Counts) -> dict[str, float]:
    """Points that counts give, by question; questions that no count can speak for are left out."""
    found = {}
    for one in score.questions:
        rule = RULES.get(one.question.evidence)
        points = rule(counts) if rule and counts else None
        if points is not None:
            found[one.question.key] = points
    return found


def borne_out(score: Score, points: Mapping[str, float]) -> float | None:
    """Share of the score that counts bear out, of each answer no more than measured; None without score."""
    if not score.total:
        return None
    backed = sum(
        min(one.points or 0.0, points.get(one.question.key, 0.0)) / _FULL * one.worth
        for one in score.questions
    )
    return backed / score.total


def contradicted(score: Score, points: Mapping[str, float]) -> list[str]:
    """Questions that were answered more than a step above what was measured."""
    return [
        one.question.key
        for one in score.questions
        if one.points is not None and one.points > points.get(one.question.key, _FULL) + STEP
    ]
