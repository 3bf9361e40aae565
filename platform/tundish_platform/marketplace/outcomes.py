"""How a run may end."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """How a run ended; of an unreached one the app knows nothing, for no sandbox started."""

    OK = "ok"
    MISSING_INPUT = "missing_input"
    FAILED = "failed"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHED = "unreached"


OWN_FAULTS: Final = frozenset({Outcome.FAILED, Outcome.TIMEOUT, Outcome.REFUSED})
"""What an app is to blame for itself."""
