"""One model a machine: what one of its signals should be, given the others.

The score is honest: of the last fifth of the window, which the model has not seen.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from tundish_analytics.models.registry import ModelCard
from tundish_analytics.models.threads import one_thread
from tundish_platform.samples import SampleKind, SignalRole, is_good

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import pandas as pd

    from tundish_analytics.city.tables import TenantTables
    from tundish_platform.samples import SignalInfo

FEWEST_CASES: Final = 50
_TRAINED: Final = 0.8
_ROLES: Final = (SignalRole.MEASUREMENT, SignalRole.SETPOINT)
_PROTOCOL_ZH: Final = "前五分之四的时间用于训练，最后五分之一用于评估；基准为训练部分的平均值。"
_PROTOCOL_EN: Final = (
    "Trained on the first four fifths of the time, scored on the last; baseline: their mean."
)
_LIMITS_ZH: Final = "只学到该窗口内出现过的工况；偏差不等于故障。"
_LIMITS_EN: Final = "Knows only the conditions of its window; a deviation is not a fault."


class TooFewCases(ValueError):  # noqa: N818 - says what is wrong
    """A machine has too few steps with a good value of the target."""


@dataclass(frozen=True, slots=True)
class MachineModel:
    """A trained model and what it was trained on.

    Attributes:
        features: inputs by path, in the order of the model's columns.
        mae, baseline_mae: mean absolute error on unseen steps, of the model and of the mean; in the unit.
    """

    tenant: str
    machine: str
    target: str
    features: tuple[str, ...]
    first: datetime
    last: datetime
    cases: int
    mae: float
    baseline_mae: float
    model: HistGradientBoostingRegressor

    @property
    def card(self) -> ModelCard:
        """What the registry says of it."""
        return ModelCard(
            model=f"expected-{self.target}",
            line=self.machine,
            trained_from=self.first.isoformat(),
            trained_to=self.last.isoformat(),
            cases=self.cases,
            features=self.features,
            protocol_zh=_PROTOCOL_ZH,
            protocol_en=_PROTOCOL_EN,
            metrics={"mae": self.mae, "baseline_mae": self.baseline_mae},
            limits_zh=_LIMITS_ZH,
            limits_en=_LIMITS_EN,
        )


def machine_tasks(
    tenant: TenantTables, target: str, window: tuple[datetime, datetime], step: timedelta
) -> dict[str, tuple[TenantTables, str, str, tuple[datetime, datetime], timedelta]]:
    """Arguments of `machine_model` for each machine with a signal of the target's kind and another one.

    Each names its own machine's signals only: a task travels to its worker, and a plant has thousands.
    """
    machines: defaultdict[str, list[SignalInfo]] = defaultdict(list)
    for signal in tenant.signals:
        machines[signal.machine].append(signal)
    found = {}
    for machine, signals in sorted(machines.items()):
        inputs = _inputs(replace(tenant, signals=tuple(signals)), machine)
        if len(inputs) > 1 and any(signal.semantic == target for signal in inputs):
            found[machine] = (replace(tenant, signals=tuple(inputs)), machine, target, window, step)
    return found


@one_thread
def machine_model(
    tenant: TenantTables, machine: str, target: str, window: tuple[datetime, datetime], step: timedelta
) -> MachineModel:
    """Train one machine's model, as a worker does.

    Raises:
        TooFewCases: fewer than `FEWEST_CASES` steps.
    """
    signals = _inputs(tenant, machine)
    wanted = next(signal for signal in signals if signal.semantic == target)
    features = [signal for signal in signals if signal is not wanted]
    frame = _averages(tenant, signals, window, step).dropna(subset=[wanted.id])
    if len(frame) < FEWEST_CASES:
        raise TooFewCases(f"{machine} has {len(frame)} steps with a good value; {FEWEST_CASES} are needed")
    x, y = frame[[s.id for s in features]].to_numpy(), frame[wanted.id].to_numpy()
    split = int(len(y) * _TRAINED)
    model = HistGradientBoostingRegressor(random_state=0).fit(x[:split], y[:split])
    return MachineModel(
        tenant=tenant.slug,
        machine=machine,
        target=target,
        features=tuple(signal.path for signal in features),
        first=frame.index[0].to_pydatetime(),
        last=frame.index[-1].to_pydatetime(),
        cases=split,
        mae=float(np.abs(model.predict(x[split:]) - y[split:]).mean()),
        baseline_mae=float(np.abs(y[:split].mean() - y[split:]).mean()),
        model=model,
    )


def _inputs(tenant: TenantTables, machine: str) -> list[SignalInfo]:
    found = [s for s in tenant.signals if s.machine == machine and s.kind is SampleKind.NUMERIC]
    return sorted((s for s in found if s.role in _ROLES), key=lambda s: s.path)


def _averages(
    tenant: TenantTables, signals: Sequence[SignalInfo], window: tuple[datetime, datetime], step: timedelta
) -> pd.DataFrame:
    """Mean of good samples by step; a column a signal, empty where it had none."""
    start, end = (round(at.astimezone(UTC).timestamp() * 1e6) for at in window)
    numbers = [signal.id for signal in signals]
    rows = tenant.rows(SampleKind.NUMERIC, numbers, start, end).to_pandas()
    rows = rows[is_good(rows["status"].to_numpy()) & np.isfinite(rows["value"])]
    rows["ts"] = rows["ts"].dt.floor(step)
    means: pd.DataFrame = rows.pivot_table(values="value", index="ts", columns="signal", aggfunc="mean")
    return means.reindex(columns=numbers)
