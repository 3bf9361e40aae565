from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_platform.alarms.limits import US, Change, Limit, LimitKind, Watch, judge

BAD = 0x80000000


def arrays(
    values: list[float], status: list[int] | None = None, step_s: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ts = (np.arange(len(values)) * step_s * US).astype(np.int64)
    codes = np.array(status if status is not None else [0] * len(values), dtype=np.uint32)
    return ts, np.array(values, dtype=np.float64), codes


def seconds(changes: list[Change]) -> list[tuple[bool, float]]:
    return [(change.active, change.ts / US) for change in changes]


def naive(limit: Limit, values: list[float], status: list[int]) -> list[tuple[bool, float]]:
    """Sample by sample, as one would explain it on a blackboard."""
    active, since, changes = False, None, []
    for second, (value, code) in enumerate(zip(values, status, strict=True)):
        good = code < 0x40000000
        if limit.kind is LimitKind.BAD:
            on, off = not good, good
        elif not good or value != value:  # noqa: PLR0124 - NaN
            continue
        elif limit.kind is LimitKind.HIGH:
            on, off = value > limit.threshold, value <= limit.threshold - limit.deadband
        else:
            on, off = value < limit.threshold, value >= limit.threshold + limit.deadband
        if not (off if active else on):
            since = None
            continue
        since = second if since is None else since
        if second - since >= (limit.off_delay_s if active else limit.on_delay_s):
            active, since = not active, None
            changes.append((active, float(second)))
    return changes


LIMITS = st.builds(
    Limit,
    kind=st.sampled_from(LimitKind),
    threshold=st.sampled_from([0.0, 1.0, 2.0]),
    deadband=st.sampled_from([0.0, 1.0]),
    on_delay_s=st.sampled_from([0.0, 1.0, 3.0]),
    off_delay_s=st.sampled_from([0.0, 2.0]),
)
SAMPLES = st.lists(
    st.tuples(
        st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("nan")]), st.sampled_from([0, 0, 0, BAD])
    ),
    max_size=60,
)


@given(limit=LIMITS, samples=SAMPLES, cut=st.integers(0, 60))
def test_judging_in_one_go_in_two_and_by_hand_agree(
    limit: Limit, samples: list[tuple[float, int]], cut: int
) -> None:
    values, status = [v for v, _ in samples], [s for _, s in samples]
    ts, value, code = arrays(values, status)
    _, whole = judge(limit, Watch(), ts, value, code)
    assert seconds(whole) == naive(limit, values, status)
    watch, first = judge(limit, Watch(), ts[:cut], value[:cut], code[:cut])
    # Samples that were seen already come again, as they do after a restart.
    back = max(0, cut - 5)
    _, second = judge(limit, watch, ts[back:], value[back:], code[back:])
    assert seconds(first + second) == seconds(whole)


def test_a_delay_must_last_without_a_break_and_a_deadband_holds_the_alarm() -> None:
    limit = Limit(LimitKind.HIGH, 80.0, deadband=5.0, on_delay_s=2.0)
    ts, value, code = arrays([79, 81, 79, 81, 82, 83, 78, 76, 75, 81])
    watch, changes = judge(limit, Watch(), ts, value, code)
    assert seconds(changes) == [(True, 5.0), (False, 8.0)]
    assert changes[0].value == 83
    assert watch.pending_since == 9 * US


def test_bad_samples_neither_raise_nor_clear_a_limit() -> None:
    limit = Limit(LimitKind.LOW, 10.0)
    ts, value, code = arrays([5, 50, 5, 50], [BAD, BAD, 0, BAD])
    assert seconds(judge(limit, Watch(), ts, value, code)[1]) == [(True, 2.0)]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_new_changes_nothing(count: int) -> None:
    limit = Limit(LimitKind.HIGH, 0.0)
    ts, value, code = arrays([1.0] * count)
    watch = Watch(active=True, seen=10 * US)
    assert judge(limit, watch, ts, value, code) == (watch, [])
