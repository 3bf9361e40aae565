"""Synthetic streams: formulas and random numbers leave innovations that no machine has.

A machine's innovations (what is new in each sample, given the ones before) change their size with what it
does, have more large ones than a bell curve, and those of neighbouring signals are related. A generator's are
independent of each other and of those of other signals, of one size, and after a textbook distribution.
A script may also let the level jump now and then. Jumps are taken out before the rest is judged; on a machine
signals jump together, because it changes what it does, and that tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

from tundish_platform.programme.ghosts.repeats import autocorrelation, clipped_steps, cycle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.programme.ghosts.look import Stream

_LEAST_SAMPLES: Final = 400
_LEAST_LEVELS: Final = 40
_MOST_SAMPLES: Final = 4096
_ORDER: Final = 8
_LAGS: Final = 20
_BOUND: Final = 4.5
_KEPT: Final = 0.96
# Correlation of ordered innovations with the distribution's own quantiles (Shapiro and Francia 1972).
_LIKE: Final = 0.9985
# A share of the variance that is left only by rounding.
_EXACT: Final = 1e-6
_LINES: Final = 4
_SLOW_BINS: Final = 3
# A step this many times the typical one is a jump; more than this share of them is the way the machine moves.
_JUMP: Final = 12.0
_JUMPS: Final = 0.02
_LEAST_JUMPS: Final = 3
_TOGETHER: Final = 0.5


@dataclass(frozen=True, slots=True)
class Made:
    """What speaks for a stream being made by a formula.

    Attributes:
        random: its innovations are of one size and after a textbook distribution.
        exact: it is a sum of few sines.
        likeness: correlation of its innovations with the best of the distributions.
        restless: largest correlation of the innovations' sizes with those before, over its bound by chance.
        innovations: shape ``(n,)``, standardised; the last of the stream.
        jumps: samples before the stream's end at which its level jumps, shape ``(k,)``, falling.
    """

    random: bool
    exact: bool
    likeness: float
    restless: float
    innovations: NDArray[np.float64]
    jumps: NDArray[np.int64]


def made(stream: Stream) -> Made | None:
    """Judge one stream; None where it is too short or has too few levels to say."""
    values = stream.values[-_MOST_SAMPLES:]
    if len(values) < _LEAST_SAMPLES or len(np.unique(values)) < _LEAST_LEVELS:
        return None
    values = (values - values.mean()) / values.std()
    exact = _beyond_few_lines(values) < _EXACT**0.5
    levelled, jumps = _without_jumps(values)
    fresh = _innovations(_without_cycle(levelled))
    spread = fresh.std()
    if spread == 0:
        return Made(
            random=False, exact=exact, likeness=0.0, restless=np.inf, innovations=fresh, jumps=jumps
        )  # fmt: skip
    fresh = fresh / spread
    likeness, restless = _likeness(fresh), _restless(fresh)
    return Made(likeness >= _LIKE and restless < 1, exact, likeness, restless, fresh, jumps)


def related(innovations: Sequence[NDArray[np.float64]]) -> float:
    """Largest correlation between two signals' innovations at the same or the next sample, over its bound."""
    largest = 0.0
    for i, one in enumerate(innovations):
        for other in innovations[i + 1 :]:
            n = min(len(one), len(other))
            a, b = one[-n:], other[-n:]
            for x, y in ((a, b), (a[1:], b[:-1]), (a[:-1], b[1:])):
                largest = max(largest, abs(float(np.corrcoef(x, y)[0, 1])) * float(np.sqrt(n)) / _BOUND)
    return largest


def jump_together(jumps: Sequence[NDArray[np.int64]]) -> bool:
    """Whether two signals jump at the same samples, one more or less, more often than not."""
    for i, one in enumerate(jumps):
        for other in jumps[i + 1 :]:
            if min(len(one), len(other)) < _LEAST_JUMPS:
                continue
            near = np.abs(one[:, None] - other[None, :]).min(axis=1) <= 1
            if near.mean() >= _TOGETHER:
                return True
    return False


def _without_jumps(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each stretch between two jumps about its own median, and the jumps; a stream without any as it is.

    Of a jump the samples on both sides are kept: a script's level moves between two of them.
    """
    steps = np.diff(values)
    typical = float(np.median(np.abs(steps - np.median(steps))))
    at = np.flatnonzero(np.abs(steps) > _JUMP * typical) + 1
    if not typical or not _LEAST_JUMPS <= len(at) <= _JUMPS * len(values):
        return values, np.empty(0, np.int64)
    parts = [part - np.median(part) for part in np.split(values, at)]
    return np.concatenate(parts), (len(values) - at).astype(np.int64)


def _without_cycle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found = cycle(clipped_steps(values))
    if found is None or 4 * found > len(values):
        return values
    whole = len(values) // found * found
    profile = values[-whole:].reshape(-1, found).mean(axis=0)
    rest: NDArray[np.float64] = values[-whole:] - np.tile(profile, whole // found)
    return rest


def _innovations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What an autoregression with a trend leaves, by least squares."""
    n = len(values) - _ORDER
    past = [values[_ORDER - k : _ORDER - k + n] for k in range(1, _ORDER + 1)]
    design = np.column_stack([*past, np.ones(n), np.linspace(-1, 1, n)])
    weights, *_ = np.linalg.lstsq(design, values[_ORDER:], rcond=None)
    left: NDArray[np.float64] = values[_ORDER:] - design @ weights
    return left


def _likeness(fresh: NDArray[np.float64]) -> float:
    """Closeness to the normal or the uniform distribution, the outermost innovations left out."""
    n = len(fresh)
    cut = int(n * (1 - _KEPT) / 2)
    middle = np.sort(fresh)[cut : n - cut]
    ranks = (np.arange(n)[cut : n - cut] + 0.5) / n
    normal, even = stats.norm.ppf(ranks), ranks
    return max(float(np.corrcoef(middle, expected)[0, 1]) for expected in (normal, even))


def _restless(fresh: NDArray[np.float64]) -> float:
    size = np.minimum(np.abs(fresh), np.quantile(np.abs(fresh), _KEPT))
    largest = float(np.abs(autocorrelation(size)[1 : _LAGS + 1]).max())
    return largest * float(np.sqrt(len(fresh))) / _BOUND


def _beyond_few_lines(values: NDArray[np.float64]) -> float:
    """Share of the power outside the strongest few lines of the spectrum; 1 where slow drift dominates."""
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values)))) ** 2
    total = float(spectrum[1:].sum())
    rest = spectrum.copy()
    rest[:_SLOW_BINS] = 0.0
    if rest.sum() < total / 2:
        return 1.0
    for _ in range(_LINES):
        top = int(np.argmax(rest))
        rest[max(0, top - 3) : top + 4] = 0.0
    return float(rest[_SLOW_BINS:].sum()) / total
