"""What the time split of a machine is read from: a window of samples, whoever holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo


class Reading(Protocol):
    """A window ``[start, end)`` in source time with the samples of its signals; `AppInputs` is one.

    Samples from before the start may be among them: a state that was told then may hold in the window.
    """

    @property
    def start(self) -> datetime:
        """First instant."""

    @property
    def end(self) -> datetime:
        """First instant behind it."""

    def samples(self, signal: SignalInfo) -> pa.Table:
        """Every sample of one signal, bad ones too: ``ts, value, status``, by time."""

    def good(self, signal: SignalInfo) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Times (``datetime64[us]``, UTC) and values of one signal's good samples, shape ``(n,)`` each."""
