"""What a worker hands back of a trial: its runs one by one, and figures of what the app wrote."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MAX_WINDOWS: Final = 2_000
_Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
_Key = Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")]
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class Ended(StrEnum):
    """How a window of a trial ended: five ways of a run, and three for which there was none."""

    OK = "ok"
    MISSING_INPUT = "missing_input"
    FAILED = "failed"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    NO_SAMPLES = "no_samples"
    INPUT_SILENT = "input_silent"
    INCOMPLETE = "incomplete"


LEFT_OUT: Final = (Ended.NO_SAMPLES, Ended.INPUT_SILENT, Ended.INCOMPLETE, Ended.MISSING_INPUT)
"""Windows about which nothing can be said, because of the data."""

CRASHED: Final = frozenset({Ended.FAILED, Ended.TIMEOUT, Ended.REFUSED})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WindowDone(_Part):
    """One window.

    Attributes:
        at: its end, the moment at which the plant would have learnt of what the app found.
        ended: how.
        seconds: wall time of the run.
        rows: samples that the app was given.
        flagged: by output the value that was an alarm, the newest one.
    """

    at: AwareDatetime
    ended: Ended
    seconds: Annotated[float, Field(ge=0)] = 0.0
    rows: Annotated[int, Field(ge=0)] = 0
    flagged: Annotated[dict[_Key, _Finite | _Text], Field(max_length=64)] = {}


class Figure(_Part):
    """What an output said over all runs; numbers, or the texts with how often each came."""

    output: _Key
    values: Annotated[int, Field(ge=0)]
    least: _Finite | None = None
    median: _Finite | None = None
    most: _Finite | None = None
    texts: Annotated[dict[_Text, int], Field(max_length=5)] = {}


class TrialResult(_Part):
    """All that came of the runs.

    Attributes:
        step_s: that was kept; longer than planned where runs took too long.
        slowed: whether it is.
        isolation: what kept the app apart; ``filtered``: with the system call filter.
        stopped: ``crashing`` where so many runs failed one after the other that no more were made.
        detail: why a run failed, the newest one.
    """

    step_s: Annotated[float, Field(gt=0)]
    slowed: bool = False
    isolation: Literal["bubblewrap", "process", ""] = ""
    filtered: bool = False
    stopped: Literal["", "crashing"] = ""
    detail: Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")] = ""
    windows: Annotated[tuple[WindowDone, ...], Field(max_length=MAX_WINDOWS)]
    figures: Annotated[tuple[Figure, ...], Field(max_length=64)] = ()
