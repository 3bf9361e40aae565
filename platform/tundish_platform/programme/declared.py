"""Figures that cities declared in plans and news: history beside what is measured, not added to it."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.sdk import Texts

_MONTH = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")


class Kind(StrEnum):
    """What a figure counts: up to a date, within a time, on a date, a rate, or what is wanted."""

    CUMULATIVE = "cumulative"
    FLOW = "flow"
    LEVEL = "level"
    RATE = "rate"
    TARGET = "target"


class Bound(StrEnum):
    """How exactly the document says it."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    ABOUT = "about"


class Basis(StrEnum):
    """Whether the document prints it, or it was computed from what the document prints."""

    DECLARED = "declared"
    DERIVED = "derived"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """A published document."""

    id: str
    title: Texts
    city: str
    published: Annotated[str, _MONTH]
    note: str = ""


class Declared(_Part):
    """One figure as a document has it.

    Attributes:
        value: in `unit`, as printed; rates may exceed 100.
        as_of: month at whose end it holds; `since` the first month of what is counted within a time.
        note: what a reader must know of it.
    """

    key: str
    name: Texts
    value: float
    unit: str
    as_of: Annotated[str, _MONTH]
    since: Annotated[str, Field(pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")] = ""
    kind: Kind
    bound: Bound
    basis: Basis
    source: str
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind is Kind.FLOW and not self.since:
            raise ValueError(f"{self.key}: a flow says from when it counts")
        if self.since > self.as_of:
            raise ValueError(f"{self.key}: ends before it begins")
        if self.basis is Basis.DERIVED and not self.note:
            raise ValueError(f"{self.key}: a derived figure says how")
        return self

    @property
    def city(self) -> str:
        """Whose figure it is."""
        return self.key.split(".", 1)[0]


class DeclaredFigures(_Part):
    """All declared figures with their documents."""

    sources: tuple[Source, ...]
    figures: tuple[Declared, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [figure.key for figure in self.figures]
        known = {source.id: source.city for source in self.sources}
        if len(set(keys)) != len(keys):
            raise ValueError("a key names one figure")
        for figure in self.figures:
            if known.get(figure.source) != figure.city:
                raise ValueError(f"{figure.key}: no document of that city has it")
        return self


@lru_cache(maxsize=1)
def declared_figures() -> DeclaredFigures:
    """The declared figures that come with the platform."""
    text = files(__package__).joinpath("declared.toml").read_text(encoding="utf-8")
    return DeclaredFigures.model_validate(tomllib.loads(text))
