"""Flat streams: a value that stands still, or flickers between a few levels as if diced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.ghosts.repeats import autocorrelation

if TYPE_CHECKING:
    from tundish_platform.programme.ghosts.look import Stream

_LEAST_SAMPLES: Final = 200
_FEW_LEVELS: Final = 5
_LAGS: Final = 10


def is_flat(stream: Stream) -> bool | None:
    """Whether nothing moves in it; None where it is too short to say.

    A machine's own few-level signal (a valve, a mode) stays on a level for some time, so its neighbours in
    time resemble each other; dice do not.
    """
    if len(stream.values) < _LEAST_SAMPLES:
        return None
    levels = np.unique(stream.values)
    if len(levels) == 1:
        return True
    if len(levels) > _FEW_LEVELS:
        return False
    bound = 4.0 / np.sqrt(len(stream.values))
    return bool(np.abs(autocorrelation(stream.values)[1 : _LAGS + 1]).max() < bound)
