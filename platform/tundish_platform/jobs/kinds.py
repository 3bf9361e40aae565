"""The kinds of jobs there are, and what each must be told. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.tenancy import Permission

_Path = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class JobKind(StrEnum):
    """What a worker can be asked for."""

    TRAIN = "train"
    TRAIN_MACHINES = "train-machines"
    EVALUATE = "evaluate"
    TRIAL = "trial"


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


class OfTrial(_Arguments):
    """Arguments of ``trial``: its number, and the app's id for lists."""

    trial: Annotated[int, Field(ge=1)]
    app: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]


ASKABLE: Final = tuple(kind for kind in JobKind if kind is not JobKind.TRIAL)
"""What may be asked for as a job; a trial is asked for by name of the app, with other rights."""

ARGUMENTS: Final[dict[JobKind, type[_Arguments]]] = {
    JobKind.TRAIN: OfLine,
    JobKind.TRAIN_MACHINES: OfMachines,
    JobKind.EVALUATE: OfLine,
    JobKind.TRIAL: OfTrial,
}


def permission_for(kind: JobKind) -> Permission:
    """What who asks for such work or cancels it must be allowed."""
    return Permission.SUBSCRIBE if kind is JobKind.TRIAL else Permission.CONFIGURE


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

    @property
    def permission(self) -> Permission:
        """What who asks for it or cancels it must be allowed."""
        return permission_for(self.kind)


class AskedWork(Work):
    """Work that people ask for as such."""

    @model_validator(mode="after")
    def _askable(self) -> Self:
        if self.kind not in ASKABLE:
            raise ValueError(f"a {self.kind} is not asked for as a job")
        return self


class JobSpec(AskedWork):
    """A job as a person asks for it."""

    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3


class TrialJob(Work):
    """The job of a trial; `tundish_platform.trials` asks for it."""

    max_attempts: Annotated[int, Field(ge=1, le=10)] = 2

    @classmethod
    def of(cls, trial: int, app: str) -> Self:
        """The job of the trial with that number."""
        return cls(kind=JobKind.TRIAL, arguments={"trial": trial, "app": app})
