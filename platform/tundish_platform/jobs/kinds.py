"""The kinds of jobs there are, and what each must be told. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Path = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class JobKind(StrEnum):
    """What a worker can be asked for."""

    TRAIN = "train"
    TRAIN_MACHINES = "train-machines"
    EVALUATE = "evaluate"


class JobState(StrEnum):
    """Where a job stands; the last three are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OfLine(_Arguments):
    """Arguments of ``train`` and ``evaluate``: the path of the line."""

    line: _Path


class OfMachines(_Arguments):
    """Arguments of ``train-machines``.

    Attributes:
        target: semantic kind of the signal that is to be expected from the machine's others.
        days: of history, up to now.
        step_minutes: samples are averaged over it.
    """

    target: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    days: Annotated[int, Field(ge=1, le=366)] = 30
    step_minutes: Annotated[int, Field(ge=1, le=1_440)] = 5


ARGUMENTS: Final[dict[JobKind, type[_Arguments]]] = {
    JobKind.TRAIN: OfLine,
    JobKind.TRAIN_MACHINES: OfMachines,
    JobKind.EVALUATE: OfLine,
}


class Work(BaseModel):
    """What is to be done: a kind, and arguments that fit it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: JobKind
    arguments: dict[str, Any]

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Filled up with what is left out, so that a row says all that the worker does.
        self.arguments.update(ARGUMENTS[self.kind].model_validate(self.arguments).model_dump())
        return self

    @property
    def line(self) -> str | None:
        """The line it is about; None for the whole tenant."""
        return self.arguments.get("line")


class JobSpec(Work):
    """A job as a person asks for it."""

    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
