"""The public data sets' own tables as the arrays that models and evaluation take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from tundish_analytics.condition.cycles import CYCLE_S, condition_blocks

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

HYDRAULIC_COLUMNS: Final = {
    "CE": "efficiency.cooler",
    "CP": "power.cooling",
    **{f"FS{n}": "flow.hydraulic" for n in (1, 2)},
    "EPS1": "power.active.pump",
    **{f"PS{n}": "pressure.hydraulic" for n in range(1, 7)},
    "SE": "efficiency.hydraulic",
    **{f"TS{n}": "temperature.oil.hydraulic" for n in range(1, 5)},
    "VS1": "vibration.velocity.rms",
}
IGBT_SECONDS: Final = ("vce_on", "current", "temperature")
IGBT_SAMPLES: Final = ("t_s", "Collector Voltage", "Collector Current", "Package Temp")
# Collector current above which a sample counts as conducting.
ON_CURRENT_A: Final = 7.0
LABEL_COLUMNS: Final = ("cooler", "valve", "pump_leak", "accumulator")


@dataclass(frozen=True, slots=True)
class HydraulicData:
    """Inspected load cycles.

    Attributes:
        windows: ``(cycles, 60, signals)``.
        semantics: semantic kind of each signal.
        labels: ``(cycles, 4)``: cooler %, valve %, pump leakage grade, accumulator bar.
        starts: start of each cycle in seconds.
    """

    windows: NDArray[np.float64]
    semantics: tuple[str, ...]
    labels: NDArray[np.float64]
    starts: NDArray[np.int64]

    @classmethod
    def from_tables(cls, sensors: pd.DataFrame, profile: pd.DataFrame) -> Self:
        """From one row a second (``cycle, second, CE … VS1``) and one row a cycle (``cycle, cooler …``).

        Raises:
            ValueError: a cycle has not 60 seconds, or sensors and profile differ in their cycles.
        """
        profile = profile.sort_values("cycle")
        ordered = sensors.sort_values(["cycle", "second"])
        values = ordered[list(HYDRAULIC_COLUMNS)].to_numpy(np.float64)
        if not np.array_equal(ordered["cycle"].to_numpy(), np.repeat(profile["cycle"].to_numpy(), CYCLE_S)):
            raise ValueError("each cycle of the profile needs exactly 60 seconds of sensor values")
        return cls(
            values.reshape(len(profile), CYCLE_S, -1),
            tuple(HYDRAULIC_COLUMNS.values()),
            profile[list(LABEL_COLUMNS)].to_numpy(np.float64),
            profile["cycle"].to_numpy(np.int64) * CYCLE_S,
        )

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Condition block of each cycle."""
        return condition_blocks(self.labels, self.starts)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> HydraulicData:
        """Some of the cycles."""
        return HydraulicData(self.windows[rows], self.semantics, self.labels[rows], self.starts[rows])

    def without(self, other: HydraulicData) -> HydraulicData:
        """The cycles whose values do not occur in `other`, whatever their numbers."""
        seen = {window.astype(np.float32).tobytes() for window in other.windows}
        return self.take(np.array([w.astype(np.float32).tobytes() not in seen for w in self.windows]))


def plates_from_table(plates: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """27 features ``(plates, 27)`` and the class of each plate, from the columns up to ``fault_class``."""
    features = plates.drop(columns="fault_class").to_numpy(np.float64)
    return features, plates["fault_class"].to_numpy(str)


def devices_from_table(records: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Change of on-resistance in Ohm per device, from the columns ``device, i, dR``."""
    return {
        str(name): part.sort_values("i")["dR"].to_numpy(np.float64)
        for name, part in records.groupby("device")
    }


def seconds_from_table(table: pd.DataFrame) -> NDArray[np.float64]:
    """``(n, 4)``: time in s, VCE(on) in V, current in A, package temperature in degrees Celsius.

    Either a row a second with ``vce_on, current, temperature``, or the samples of the published run with
    ``t_s, Collector Voltage, Collector Current, Package Temp``, of which each second's conducting ones count.
    """
    if "vce_on" in table.columns:
        values = table[list(IGBT_SECONDS)].to_numpy(np.float64)
        return np.column_stack([np.arange(len(values), dtype=np.float64), values])
    second = table["t_s"].to_numpy(np.float64).astype(np.int64)
    on = table["Collector Current"] > ON_CURRENT_A
    names = ["Collector Voltage", "Collector Current"]
    means = table[names].where(on).assign(temperature=table["Package Temp"]).groupby(second).mean()
    return np.column_stack([means.index.to_numpy(np.float64), means.to_numpy(np.float64)])
