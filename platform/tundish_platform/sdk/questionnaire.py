"""A questionnaire as data: `questionnaire.toml` beside the manifest, shown by the platform as a form."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tundish_platform.sdk.manifest import ManifestError
from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

QUESTIONNAIRE_FILE: Final = "questionnaire.toml"
_KEY: Final = r"^[a-z][a-z0-9_]*$"


class AnswerRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """An answer to no question of the questionnaire, or none that the question allows."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(pattern=_KEY, max_length=60)]
    text: Texts


class Choice(_Part):
    """An answer that can be chosen; ``score`` is what the app counts it as."""

    score: Annotated[float, Field(ge=0, le=100)] = 0


class Group(_Part):
    """Questions that belong together; ``weight`` is the app's."""

    weight: Annotated[float, Field(ge=0)] = 0


class Question(_Part):
    """One question.

    Attributes:
        group: key of its group.
        kind: one of the choices, or a number from ``low`` to ``high`` in ``unit``.
        evidence: the app's own word for what in other records can speak for the answer.
    """

    group: str
    kind: Literal["choice", "number"] = "choice"
    weight: Annotated[float, Field(ge=0)] = 1
    choices: tuple[Choice, ...] = ()
    low: float = 0
    high: float = 1e12
    unit: Annotated[str, Field(max_length=20)] = ""
    evidence: Annotated[str, Field(max_length=60)] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{self.key}: a choice has choices, a number has none")
        return self

    def check(self, answer: float | str) -> str:
        """The answer as it is kept.

        Raises:
            AnswerRefused: it is none of the choices, or no number of the range.
        """
        if self.kind == "choice":
            if answer not in {choice.key for choice in self.choices}:
                raise AnswerRefused(f"{self.key} has no choice {answer!s:.60}")
            return str(answer)
        if isinstance(answer, str) or not self.low <= answer <= self.high:
            raise AnswerRefused(f"{self.key} is a number from {self.low:g} to {self.high:g}")
        return repr(float(answer))


class Questionnaire(BaseModel):
    """All questions of one edition.

    Attributes:
        version: of the questions; kept with each sheet of answers.
        source: where they come from, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(min_length=1, max_length=40)]
    source: Texts
    groups: Annotated[tuple[Group, ...], Field(min_length=1, max_length=20)]
    questions: Annotated[tuple[Question, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for parts in (self.groups, self.questions, *(q.choices for q in self.questions)):
            keys = [part.key for part in parts]
            if len(set(keys)) < len(keys):
                raise ValueError("two groups, questions or choices have the same key")
        if {q.group for q in self.questions} != {g.key for g in self.groups}:
            raise ValueError("a question lies in no group, or a group is empty")
        return self

    def checked(self, answers: Mapping[str, float | str]) -> dict[str, str]:
        """Answers as they are kept; questions may be left out.

        Raises:
            AnswerRefused: says which answer is wrong.
        """
        known = {question.key: question for question in self.questions}
        unknown = set(answers) - set(known)
        if unknown:
            raise AnswerRefused(f"there is no question {', '.join(sorted(unknown))[:200]}")
        return {key: known[key].check(answer) for key, answer in answers.items()}


def read_questionnaire(folder: Path) -> Questionnaire:
    """The questionnaire in an app's package folder.

    Raises:
        ManifestError: there is none, or it does not say what it must.
    """
    path = folder / QUESTIONNAIRE_FILE
    try:
        return Questionnaire.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError, RecursionError) as error:
        raise ManifestError(f"{path.name} is no questionnaire: {error}") from error
