"""Short ways to make the parts of a screen: sentences, tables, axes. What they make is declared data."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

from tundish_platform.sdk.screen import Cell, ChartBlock, Column, Screen, Series, TableBlock, TextBlock
from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray


def said(zh: str, en: str, *, warning: bool = False) -> TextBlock:
    """A sentence in both languages."""
    return TextBlock(text=Texts(zh=zh, en=en), level="warning" if warning else "info")


def only(zh: str, en: str) -> Screen:
    """A screen with nothing but a warning."""
    return Screen(blocks=(said(zh, en, warning=True),))


def table(
    title: tuple[str, str], heads: Sequence[tuple[str, str]], rows: Sequence[tuple[Cell, ...]]
) -> TableBlock:
    """A table; titles and heads are ``(zh, en)``."""
    columns = tuple(Column(name=Texts(zh=zh, en=en)) for zh, en in heads)
    return TableBlock(title=Texts(zh=title[0], en=title[1]), columns=columns, rows=tuple(rows))


def over_time(
    title: tuple[str, str], times: NDArray[np.datetime64], unit: str, series: Sequence[Series]
) -> ChartBlock:
    """A chart over source time; times are UTC, shape ``(n,)``."""
    return ChartBlock(
        title=Texts(zh=title[0], en=title[1]),
        x=moments(times),
        x_name=Texts(zh="源时间", en="source time"),
        unit=unit,
        series=tuple(series),
    )


def drawn(name: tuple[str, str], style: str, values: NDArray[np.float64]) -> Series:
    """A series of a chart; NaN becomes a hole, which no line bridges."""
    return Series.model_validate(
        {"name": Texts(zh=name[0], en=name[1]), "style": style, "y": numbers(values)}
    )


def numbers(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    """Values for a chart or table; what is no finite number is nothing."""
    return tuple(value if np.isfinite(value) else None for value in values.tolist())


def moments(times: NDArray[np.datetime64]) -> tuple[datetime, ...]:
    """Times in UTC for a chart's axis."""
    return tuple(t.replace(tzinfo=UTC) for t in times.astype("datetime64[us]").tolist())
