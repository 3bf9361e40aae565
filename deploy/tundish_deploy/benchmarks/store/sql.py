"""The benchmark's questions in SQL, as DuckDB answers them best from a table sorted by signal and time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.store.workload import is_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

HOLD_PERIODS: Final = 3
_US: Final = timedelta(microseconds=1)
# Status codes from here on are uncertain, and bad.
_UNCERTAIN: Final = 1 << 30
_BAD: Final = 2 << 30


def instant(when: datetime) -> str:
    """A point in time as SQL."""
    return f"TIMESTAMPTZ '{when.isoformat()}'"


def _us(when: datetime) -> int:
    return round(when.timestamp() * 1_000_000)


def _among(signals: Sequence[int]) -> str:
    return f"signal IN ({', '.join(map(str, signals))})"


def latest(table: str, since: datetime) -> str:
    """The newest row of each signal; bounded, for all are known to have spoken since."""
    return f"""
        SELECT signal, max(ts) AS ts, arg_max(value, ts) AS value, arg_max(status, ts) AS status
        FROM {table} WHERE ts >= {instant(since)} GROUP BY signal ORDER BY signal"""  # noqa: S608 - names and numbers of ours


def plain(
    table: str,
    signals: Sequence[int] | None,
    start: datetime,
    end: datetime,
    width: timedelta,
    *,
    whole_numbers: bool = True,
) -> str:
    """What SQL gives without weights: mean, min, max of good rows and the count, by window of equal width.

    Args:
        table: where.
        signals: which, or all.
        start: of the first window.
        end: of the last.
        width: of each.
        whole_numbers: reckon in DuckDB's µs, which is quicker there; PostgreSQL has no such function.
    """
    chosen = "" if signals is None else f"AND {_among(signals)}"
    bucket = f"floor(extract(epoch FROM ts - {instant(start)}) / {width / timedelta(seconds=1)})"
    if whole_numbers:
        bucket = f"(epoch_us(ts) - {_us(start)}) // {width // _US}"
    return f"""
        SELECT signal, bucket, avg(value) FILTER (WHERE good) AS mean, min(value) FILTER (WHERE good) AS min,
            max(value) FILTER (WHERE good) AS max, count(*) AS count
        FROM (
            SELECT signal, value, status >= 0 AND status < {_UNCERTAIN} AS good, {bucket} AS bucket
            FROM {table} WHERE ts >= {instant(start)} AND ts < {instant(end)} {chosen}
        ) AS rows_of_window GROUP BY signal, bucket ORDER BY signal, bucket"""  # noqa: S608 - names and numbers of ours


def aggregate(
    table: str,
    signals: Sequence[int] | None,
    start: datetime,
    end: datetime,
    width: timedelta,
    period: timedelta,
) -> str:
    """The platform's own question: time-weighted means with completeness, by window of equal width.

    A row speaks until the next one or for three periods; its value is held (steps), or runs on the line to
    the next good one. What reaches behind its own window is cut into the windows it touches.
    """
    hold, wide, first = HOLD_PERIODS * (period // _US), width // _US, _us(start)
    chosen = "" if signals is None else f"AND {_among(signals)}"
    around = HOLD_PERIODS * period
    # DuckDB's // rounds towards zero, so windows are counted from one before the first row that is read.
    before = hold // wide + 1
    base = first - before * wide
    first_step = next(number for number in range(1, 10_000) if is_step(number))
    return f"""
        WITH near AS (
            SELECT signal, epoch_us(ts) AS t, value AS v, status < {_UNCERTAIN} AS good,
                lead(epoch_us(ts)) OVER following AS n, lead(value) OVER following AS nv,
                lead(status < {_UNCERTAIN}) OVER following AS ngood
            FROM {table} WHERE ts >= {instant(start - around)} AND ts < {instant(end + around)} {chosen}
            WINDOW following AS (PARTITION BY signal ORDER BY ts)
        ), speaking AS (
            SELECT signal, t, v, good, (t - {base}) // {wide} - {before} AS b,
                CASE WHEN n <= t + {hold} THEN n ELSE t + {hold} END AS until,
                CASE WHEN signal < {first_step} AND ngood AND n <= t + {hold} THEN (nv - v) / (n - t)
                    ELSE 0 END AS slope
            FROM near
        ), parts AS (
            SELECT signal, b AS bucket, t, v, good, slope, true AS own, greatest(t, {first}) AS lo,
                least(until, {first} + (b + 1) * {wide}) AS hi
            FROM speaking
            UNION ALL
            SELECT signal, bucket, t, v, good, slope, false, {first} + bucket * {wide},
                least(until, {first} + (bucket + 1) * {wide})
            FROM (
                SELECT *, unnest(range(b + 1, (until - 1 - {base}) // {wide} - {before} + 1)) AS bucket
                FROM speaking WHERE until > {first} + (b + 1) * {wide}
            )
        )
        SELECT signal, bucket,
            sum((v + slope * ((lo + hi) / 2 - t)) * (hi - lo)) FILTER (WHERE good)
                / sum(hi - lo) FILTER (WHERE good) AS mean,
            min(v) FILTER (WHERE own AND good) AS min, max(v) FILTER (WHERE own AND good) AS max,
            count(*) FILTER (WHERE own) AS count,
            coalesce(sum(hi - lo) FILTER (WHERE good), 0) / {wide} AS completeness
        FROM parts WHERE bucket >= 0 AND bucket < {(end - start) // width}
        GROUP BY signal, bucket ORDER BY signal, bucket"""  # noqa: S608 - names and numbers of ours


def chart(table: str, signal: int, start: datetime, end: datetime, buckets: int) -> str:
    """First, last, lowest and highest of each bucket of equal width."""
    width = -(-((end - start) // _US) // buckets)
    return f"""
        SELECT (epoch_us(ts) - {_us(start)}) // {width} AS bucket, arg_min(value, ts) AS first,
            arg_max(value, ts) AS last, min(value) FILTER (WHERE status < {_BAD}) AS min,
            max(value) FILTER (WHERE status < {_BAD}) AS max
        FROM {table} WHERE signal = {signal} AND ts >= {instant(start)} AND ts < {instant(end)}
        GROUP BY bucket ORDER BY bucket"""  # noqa: S608 - names and numbers of ours


def grid(table: str, signals: Sequence[int], start: datetime, end: datetime, age: timedelta) -> str:
    """A row each second and a column a signal: its newest good value that is not too old.

    Each row becomes a list as long as it stands, and lists are unrolled side by side: 80 ms where a pivot
    takes 150 ms, ASOF joins on a long table 480 ms, and one ASOF join a signal some seconds.
    """
    seconds = (end - start) // timedelta(seconds=1)
    picked = ", ".join(f"any_value(l) FILTER (WHERE signal = {n}) AS l{n}" for n in signals)
    columns = ", ".join(f"unnest(l{n}) AS s{n}" for n in signals)
    after = f"(epoch_us(ts) - {_us(start)} + 999999) // 1000000"
    return f"""
        WITH held AS (
            SELECT signal, value, {after} AS first,
                (epoch_us(ts) - {_us(start)} + {age // _US}) // 1000000 + 1 AS until,
                lead({after}, 1, {seconds}) OVER following AS next, row_number() OVER following AS number
            FROM {table} WHERE {_among(signals)} AND status < {_UNCERTAIN}
                AND ts >= {instant(start - age)} AND ts < {instant(end)}
            WINDOW following AS (PARTITION BY signal ORDER BY ts)
        ), runs AS (
            SELECT signal, first, value, CASE WHEN number = 1 THEN greatest(first, 0) ELSE 0 END AS before,
                greatest(least(until, next, {seconds}) - greatest(first, 0), 0) AS valued,
                greatest(greatest(next, 0) - greatest(least(until, next, {seconds}), first, 0), 0) AS behind
            FROM held
        ), lists AS (
            SELECT signal, flatten(list(list_resize(list_resize(list_resize([]::DOUBLE[], before),
                before + valued, value), before + valued + behind) ORDER BY first)) AS l
            FROM runs GROUP BY signal
        ), side_by_side AS (SELECT {picked} FROM lists)
        SELECT {columns} FROM side_by_side"""  # noqa: S608 - names and numbers of ours
