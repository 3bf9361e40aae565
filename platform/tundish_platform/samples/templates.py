"""What kits and types declare beside signals: alarm rules by the path of their signal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.samples.alarms import AlarmPriority

Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]


class RuleTemplate(BaseModel):
    """A limit on a signal that is yet to be made; numbers are in the signal's unit.

    Attributes:
        signal: its path below the line or machine that is made.
        advice_zh, advice_en: what the person on shift should do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: str
    kind: Literal["high", "low", "bad_quality"]
    threshold: Finite = 0.0
    deadband: Finite = 0.0
    on_delay_s: Finite = 0.0
    off_delay_s: Finite = 0.0
    priority: AlarmPriority = AlarmPriority.MEDIUM
    name_zh: Name
    name_en: Name
    advice_zh: Text = ""
    advice_en: Text = ""
    enabled: bool = True
