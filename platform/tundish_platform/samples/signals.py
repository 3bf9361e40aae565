"""What a signal is, as connectors, kits, store and screens all speak of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from tundish_platform.samples.batch import SampleKind


class SignalRole(StrEnum):
    """What a signal means for the arithmetic done on it; states are never averaged."""

    MEASUREMENT = "measurement"
    SETPOINT = "setpoint"
    COUNTER = "counter"
    STATE = "state"
    IDENTITY = "identity"
    RESULT = "result"
    LABEL = "label"
    PREDICTION = "prediction"
    OUTPUT = "output"


class SignalSpec(BaseModel):
    """A signal as a source declares it, before the tenant has given it a number.

    Attributes:
        path: browse path below the tenant, ``Site/Area/Line/Machine/Component/Variable``; unique there.
        semantic: vendor-neutral kind such as ``pressure.hydraulic``; apps bind to it, never to paths.
        kind: which `SampleKind` its samples have.
        unit: UCUM code, ``""`` for none.
        low, high: EURange of the engineering unit, where the source states one.
        period_s: expected seconds of source time between samples; ``None`` for values sent on events only.
            Completeness is judged by it.
        step: the value holds until the next one (states, set points), instead of changing in between.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    name_zh: str
    name_en: str
    semantic: str
    kind: SampleKind = SampleKind.NUMERIC
    role: SignalRole = SignalRole.MEASUREMENT
    unit: str = ""
    low: float | None = None
    high: float | None = None
    period_s: float | None = None
    step: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.path or self.path.startswith("/") or self.path.endswith("/"):
            raise ValueError(f"path {self.path!r} must be Site/…/Variable without a slash at either end")
        if self.kind is SampleKind.GAP:
            raise ValueError("a signal's samples cannot be gaps; gaps are recorded beside them")
        if self.period_s is not None and self.period_s <= 0:
            raise ValueError("period_s must be above 0, or absent for values sent on events")
        return self

    @property
    def machine(self) -> str:
        """Path of the machine: everything but the last two levels (component and variable)."""
        return "/".join(self.path.split("/")[:-2])


class SignalInfo(SignalSpec):
    """A signal as the tenant knows it: its specification, its number, and where it comes from.

    Attributes:
        id: number of the signal in the tenant, the ``signal`` column of every table.
        source: name of the connector, model or app that declared it.
    """

    id: int
    source: str
