"""How often a model's statements met the inspection that came later, counted from what the store holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from dash import html

from tundish_dashboards.recent import Recent
from tundish_platform.samples import SampleKind, SignalRole, is_good

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component
    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.data import Line
    from tundish_platform.api.predictions import Prediction

HIT_WINDOW = timedelta(hours=12)
# A label belongs to the statement about the same piece or cycle, a sample apart at most.
_SAME_US = 2_000_000
_KEPT_S = 20.0


@dataclass(frozen=True, slots=True)
class Hits:
    """Statements that could be compared, and how many were right."""

    right: int
    compared: int


class HitRates:
    """Hit rates by tenant and line, counted again only after a while."""

    def __init__(self) -> None:
        self._recent: Recent[dict[int, Hits]] = Recent(_KEPT_S)

    def of(self, view: TenantView, line: Line, found: Sequence[Prediction]) -> dict[int, Component]:
        """The words for each prediction's card, by evidence signal."""
        key = (view.scope.tenant_id, line.path, tuple(item.signal for item in found))
        counted = self._recent.get(key, lambda: count_hits(view, line, found))
        return {signal: _words(view, hits) for signal, hits in counted.items()}


def count_hits(view: TenantView, line: Line, found: Sequence[Prediction]) -> dict[int, Hits]:
    """Compare each class prediction of the last hours with the inspection result of the same instant."""
    if line.now is None:
        return {}
    labels = {s.semantic.rsplit(".", 1)[-1]: s for s in line.signals if s.role is SignalRole.LABEL}
    counted = {}
    for item in found:
        label = labels.get(item.target)
        if item.probability is None or label is None or label.kind is not SampleKind.NUMERIC:
            continue
        if item.value_signal is not None:
            counted[item.signal] = _compare(view, line, item.value_signal, label.id)
    return counted


def _compare(view: TenantView, line: Line, value: int, label: int) -> Hits:
    said_at, said = _samples(view, line, value)
    true_at, truth = _samples(view, line, label)
    if not len(said_at) or not len(true_at):
        return Hits(0, 0)
    after = np.searchsorted(said_at, true_at)
    before, after = np.maximum(after - 1, 0), np.minimum(after, len(said_at) - 1)
    nearer = np.where(np.abs(said_at[before] - true_at) <= np.abs(said_at[after] - true_at), before, after)
    same = np.abs(said_at[nearer] - true_at) <= _SAME_US
    right = same & np.isclose(said[nearer], truth)
    return Hits(int(right.sum()), int(same.sum()))


def _samples(view: TenantView, line: Line, signal: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    now = line.now
    if now is None:
        return np.empty(0, np.int64), np.empty(0)
    end = now + HIT_WINDOW
    table = view.context.telemetry.read(view.scope, [signal], now - HIT_WINDOW, end, SampleKind.NUMERIC)
    value = table.column("value").to_numpy()
    kept = is_good(table.column("status").to_numpy()) & np.isfinite(value)
    return table.column("ts").cast(pa.int64()).to_numpy()[kept], value[kept]


def _words(view: TenantView, hits: Hits) -> Component:
    t, formats = view.t, view.formats
    if not hits.compared:
        return html.Span(t("prediction.no_hits"))
    share = formats.percent(hits.right / hits.compared)
    return html.Span(t("prediction.hits", right=hits.right, all=hits.compared, share=share))
