"""What a source says of one of its alarms: the shape that connectors send and the platform takes."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

# A zero character is the one thing JSON may carry and PostgreSQL cannot keep.
_Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class AlarmPriority(IntEnum):
    """How soon somebody has to act; four levels, as ISA-18.2 advises for people to tell them apart."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @classmethod
    def of_severity(cls, severity: int) -> AlarmPriority:
        """Priority of an OPC UA severity of 1 to 1,000; its ranges are those of OPC 10000-5, 6.4.2."""
        return cls(1 + sum(severity > bound for bound in (250, 500, 750)))


class AlarmReport(BaseModel):
    """One alarm as its source sees it at one instant. May be sent again and out of order.

    Attributes:
        key: name of the alarm within its source; the same alarm always has the same.
        active: the condition holds.
        acknowledged: whether somebody acknowledged it at the source; ``None`` where the source does not know.
        ts: source time of this state.
        path: browse path of the machine or signal it belongs to.
        value: what the signal had then, where it is a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
    active: bool
    ts: AwareDatetime
    acknowledged: bool | None = None
    priority: AlarmPriority = AlarmPriority.MEDIUM
    name_zh: _Name
    name_en: _Name
    message_zh: _Text = ""
    message_en: _Text = ""
    path: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] = ""
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
