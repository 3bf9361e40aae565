"""From answers to points: weights of the edition, levels of the ministry's notice 工信厅企业〔2022〕32号."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_platform.sdk.questionnaire import Question, Questionnaire

# From so many points on; below the first there is no level.
LEVELS: Final = (20.0, 40.0, 60.0, 80.0)
_FULL: Final = 100.0


@dataclass(frozen=True, slots=True)
class Scored:
    """One question.

    Attributes:
        points: what the answer is worth, 0 to 100; None where it was not answered.
        worth: points of the whole score that a full answer brings.
    """

    question: Question
    points: float | None
    worth: float

    @property
    def got(self) -> float:
        """Points of the whole score; what was not answered brings none."""
        return (self.points or 0.0) / _FULL * self.worth


@dataclass(frozen=True, slots=True)
class Score:
    """All questions, with the sums."""

    questions: tuple[Scored, ...]

    @property
    def total(self) -> float:
        """0 to 100."""
        return sum(one.got for one in self.questions)

    @property
    def level(self) -> int:
        """0 below the first level, else 1 to 4; a bound belongs to the level above it."""
        return level_of(self.total)

    @property
    def answered(self) -> float:
        """Share of the questions that were answered."""
        return sum(one.points is not None for one in self.questions) / len(self.questions)

    def of(self, group: str) -> float:
        """Share of a dimension's points, 0 to 100."""
        inside = [one for one in self.questions if one.question.group == group]
        return sum(one.got for one in inside) / sum(one.worth for one in inside) * _FULL


def level_of(total: float) -> int:
    """The level of a score; rounded to a hundredth first, so that sums of shares meet their bounds."""
    return sum(round(total, 2) >= bound for bound in LEVELS)


def score(questions: Questionnaire, answers: Mapping[str, str]) -> Score:
    """Points of every question; an answer that this edition does not know counts as none."""
    weights = {group.key: group.weight for group in questions.groups}
    share = _FULL / sum(weights.values())
    inside = {key: sum(q.weight for q in questions.questions if q.group == key) for key in weights}
    return Score(
        tuple(
            Scored(q, _points(q, answers.get(q.key)), share * weights[q.group] * q.weight / inside[q.group])
            for q in questions.questions
        )
    )


def _points(question: Question, answer: str | None) -> float | None:
    return next((choice.score for choice in question.choices if choice.key == answer), None)
