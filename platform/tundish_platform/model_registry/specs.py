"""What the worker says of a version, and what is answered of it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from tundish_platform.model_registry.states import Decision, State, Step

MAX_CARD: Final = 256 * 1024
MAX_EVIDENCE: Final = 64 * 1024
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class ReportKind(StrEnum):
    """What a report is about.

    ``drift``: whether data and errors are still those of training; ``comparison``: a version in shadow
    beside the champion; ``proposal``: that a new training or another champion would do better.
    """

    DRIFT = "drift"
    COMPARISON = "comparison"
    PROPOSAL = "proposal"


class Level(StrEnum):
    """How urgent a report is."""

    OK = "ok"
    WATCH = "watch"
    ACT = "act"


def _storable(at: datetime) -> datetime:
    if not _EARLIEST <= at < _LATEST:
        raise ValueError("an instant lies from 1970 to 2200")
    return at


def _within(most: int) -> BeforeValidator:
    def check(value: object) -> object:
        """JSON as both databases keep it: numbers that are none become null."""
        try:
            data = orjson.dumps(value, default=_plain)
        except TypeError as error:
            raise ValueError(f"this is no JSON: {error}") from error
        if len(data) > most:
            raise ValueError(f"has {len(data)} bytes as JSON; at most {most} are kept")
        return orjson.loads(data)

    return BeforeValidator(check)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


Instant = Annotated[AwareDatetime, AfterValidator(_storable)]
Line = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]+$")]
Model = Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Version = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
_Words = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]+$")]
_Figure = Annotated[float, Field(allow_inf_nan=False)]


class Card(BaseModel):
    """What is said of a version for people and programs; further members are kept as they are.

    Attributes:
        trained_from, trained_to: source time of the first and last training sample.
        cases: how many cases it was trained on.
        features: paths of the signals that it reads.
        code: version of the code that trained it.
        protocol_zh, protocol_en: how the metrics were measured.
        metrics: name to value by that protocol.
        limits_zh, limits_en: what it cannot do.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    trained_from: Instant
    trained_to: Instant
    cases: Annotated[int, Field(ge=0, le=2**31 - 1)]
    features: tuple[Line, ...]
    code: _Name
    protocol_zh: _Words
    protocol_en: _Words
    metrics: Annotated[dict[_Name, _Figure | None], Field(max_length=200)]
    limits_zh: _Words
    limits_en: _Words

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.trained_to < self.trained_from:
            raise ValueError("trained_to must not lie before trained_from")
        return self


class VersionSpec(BaseModel):
    """A version as the worker registers it.

    Attributes:
        digest: SHA-256 of the model's file, hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Line
    model: Model
    version: Version
    digest: Digest
    card: Annotated[Card, _within(MAX_CARD)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        said = self.card.model_extra or {}
        mine = {"line": self.line, "model": self.model, "version": self.version, "sha256": self.digest}
        for name, value in mine.items():
            if said.get(name, value) != value:
                raise ValueError(f"the card is of another {name}")
        return self


class DecisionSpec(BaseModel):
    """What a person decides, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision
    reason: Reason


class ReportSpec(BaseModel):
    """What the worker found out about a version.

    Attributes:
        moment: source time up to which data was looked at.
        evidence: figures and texts behind the level; texts for people come as ``…_zh`` and ``…_en``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ReportKind
    level: Level
    moment: Instant
    evidence: Annotated[dict[str, Any], _within(MAX_EVIDENCE)]


class ModelInfo(BaseModel):
    """A version in a list.

    Attributes:
        approved_by: empty until a person approved it.
        levels: the newest report's of each kind.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    line: str
    model: str
    version: str
    digest: str
    state: State
    approved_by: str
    approved_at: datetime | None
    registered_by: str
    registered_at: datetime
    trained_from: datetime
    trained_to: datetime
    cases: int
    metrics: dict[str, float | None]
    levels: dict[ReportKind, Level]


class ModelDetail(ModelInfo):
    """A version with its card.

    Attributes:
        replaces: the version whose place as champion it took.
        possible: what can be decided about it now.
    """

    replaces: str | None
    possible: list[Decision]
    card: Card


class ModelRoles(BaseModel):
    """Which versions of a line's model run.

    Attributes:
        id: of the first version; the next page of a list goes on behind it.
        champion: version that speaks; None where people retired it and chose no other.
        shadow: versions that compute beside it, oldest first.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    line: str
    model: str
    champion: str | None
    shadow: list[str]


class DecisionInfo(BaseModel):
    """One thing that was decided about a version.

    Attributes:
        from_state: None for the registration.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    at: datetime
    by: str
    what: Step
    from_state: State | None
    to_state: State
    reason: str


class ReportInfo(BaseModel):
    """A report as it is kept."""

    model_config = ConfigDict(frozen=True)

    id: int
    kind: ReportKind
    level: Level
    moment: datetime
    evidence: dict[str, Any]
    reported_by: str
    reported_at: datetime
