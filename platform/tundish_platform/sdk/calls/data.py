"""Samples out: latest values, rows, files, trends, figures by window, grids, gaps, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tundish_platform.samples import SampleKind
from tundish_platform.sdk.calls.paths import By, Interpolation, cut, given, joined, of, window
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.sdk.calls.answers import (
        Gap,
        Latest,
        Line,
        Prediction,
        Summary,
        Trend,
    )
    from tundish_platform.sdk.calls.plant_answers import Annotation


class DataCalls(Transport):
    """A tenant's samples. ``unit`` is the UCUM code of the unit to answer in; as stored if absent."""

    def latest(
        self, tenant: str, signals: Iterable[int] | None = None, unit: str | None = None
    ) -> list[Latest]:
        """Newest sample of each signal."""
        return list(self.every_latest(tenant, signals, unit))

    def every_latest(
        self, tenant: str, signals: Iterable[int] | None = None, unit: str | None = None
    ) -> Iterator[Latest]:
        """The same, fetched page by page."""
        return self._every(
            of(tenant, "latest"), given(signals=None if signals is None else joined(signals), unit=unit)
        )

    def samples(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        kind: SampleKind = SampleKind.NUMERIC,
        *,
        unit: str | None = None,
    ) -> pa.Table:
        """Columns ``signal, ts, value, status, arrival`` of ``[start, end)``, sorted by signal and time."""
        asked = window(signals, start, end, unit) | {"kind": kind.value}
        return self._arrow(of(tenant, "samples"), asked)

    def export(  # noqa: PLR0913 - by name: what a file is made of
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        file: Path,
        *,
        form: Literal["arrow", "feather", "parquet", "csv"] = "parquet",
        kind: SampleKind = SampleKind.NUMERIC,
        unit: str | None = None,
    ) -> int:
        """Write the samples of ``[start, end)``, however many, to a file; returns its bytes.

        The file appears when it is whole; until then, its bytes are in a file beside it with ``.part`` behind
        its name.
        """
        asked = window(signals, start, end, unit) | {"kind": kind.value, "format": form}
        return self._save(of(tenant, "export"), asked, file)

    def wide(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        step: timedelta,
        *,
        interpolation: Interpolation = "step",
        unit: str | None = None,
    ) -> pa.Table:
        """Column ``ts`` and one column ``s<number>`` per signal, on a grid of ``step``."""
        grid = {"step_s": repr(step.total_seconds()), "interpolation": interpolation}
        return self._arrow(of(tenant, "wide"), window(signals, start, end, unit) | grid)

    def trend(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        max_points: int = 1000,
        *,
        thinning: Literal["extremes", "raw", "shape"] = "extremes",
        unit: str | None = None,
    ) -> list[Trend]:
        """Per signal its points, thinned for the eye."""
        thinned = given(max_points=max_points, thinning=thinning)
        return self._list(of(tenant, "trend"), window(signals, start, end, unit) | thinned)

    def summary(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        unit: str | None = None,
    ) -> list[Summary]:
        """Figures of each signal over ``[start, end)``."""
        return self._list(of(tenant, "summary"), window(signals, start, end, unit))

    def aggregate(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        by: By | timedelta,
        *,
        interpolation: Interpolation = "signal",
        unit: str | None = None,
        **calendar: str,
    ) -> pa.Table:
        """Time-weighted figures by signal and window, each with its completeness.

        Args:
            tenant: its short name.
            signals: their numbers.
            start: all windows that overlap the stretch from here to the end are answered whole.
            end: of the stretch.
            by: what the plant's calendar is cut by, or the length of steps that count from the start.
            interpolation: hold values, draw lines, or as each signal says.
            unit: UCUM code of the unit to answer in; as stored if absent.
            calendar: ``shifts="08:00,20:00"``, ``day_begins="08:00"``, ``zone="Asia/Shanghai"`` (the tenant's
                own if absent).

        Returns:
            ``signal, start, end, day, shift, mean, min, max, first, last, count, integral, good_share,
            good_s, completeness, percent_good``.
        """
        asked = window(signals, start, end, unit) | cut(by) | calendar
        return self._arrow(
            of(tenant, "aggregate"), asked | {"interpolation": interpolation, "format": "arrow"}
        )

    def states(
        self,
        tenant: str,
        signals: Iterable[int],
        start: datetime,
        end: datetime,
        by: By | timedelta,
        **calendar: str,
    ) -> pa.Table:
        """Columns ``signal, start, end, day, shift, state, seconds, entries, completeness``.

        The arguments are those of `aggregate`. Time of which nothing is known has state null.
        """
        asked = window(signals, start, end) | cut(by) | calendar
        return self._arrow(of(tenant, "states"), asked | {"format": "arrow"})

    def gaps(self, tenant: str, signals: Iterable[int], start: datetime, end: datetime) -> list[Gap]:
        """Each stretch of which nothing is known, and why."""
        return self._list(of(tenant, "gaps"), window(signals, start, end))

    def annotations(
        self, tenant: str, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[Annotation]:
        """Notes on charts that touch the window, newest first, fetched page by page."""
        since, until = (None if at is None else at.isoformat() for at in (start, end))
        return self._every(of(tenant, "annotations"), given(start=since, end=until))

    def annotate(
        self, tenant: str, path: str, text: str, starts: datetime, ends: datetime | None = None
    ) -> Annotation:
        """Put a note on a stretch of time, or on a moment, at a signal or at what lies above it."""
        body = {"path": path, "text": text, "starts_at": starts.isoformat()}
        body |= {} if ends is None else {"ends_at": ends.isoformat()}
        kept: Annotation = self._post(of(tenant, "annotations"), body)
        return kept

    def remove_annotation(self, tenant: str, number: int) -> None:
        """Take a note away."""
        self._send("DELETE", of(tenant, "annotations", number))

    def lines(self, tenant: str) -> Iterator[Line]:
        """Each line at a glance, at its own now, fetched page by page."""
        return self._every(of(tenant, "lines"))

    def predictions(self, tenant: str) -> Iterator[Prediction]:
        """Newest prediction of each model and target, with its evidence, fetched page by page."""
        return self._every(of(tenant, "predictions"))
