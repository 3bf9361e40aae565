"""`AppInputs`: the window of granted samples an app gets, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind, SignalInfo, empty_table, is_good

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.sdk.manifest import Input, Manifest


@dataclass(frozen=True, slots=True)
class AppInputs:
    """One window of the signals a subscription grants.

    Attributes:
        manifest: the app's own manifest.
        start, end: the window ``[start, end)`` in source time, UTC.
        signals: what is known of each granted signal.
        tables: per sample kind one table ``signal, ts, value, status``, sorted by (signal, ts).
        parameters: settings of the subscription, defaults filled in.
    """

    manifest: Manifest
    start: datetime
    end: datetime
    signals: tuple[SignalInfo, ...]
    tables: Mapping[SampleKind, pa.Table] = field(default_factory=dict)
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    def found(self, key: str) -> tuple[SignalInfo, ...]:
        """Granted signals that serve as the input ``key``, by path."""
        wanted = self._input(key)
        return tuple(sorted((s for s in self.signals if wanted.matches(s)), key=lambda s: s.path))

    def table(self, semantic: str) -> pa.Table:
        """All samples of one semantic kind, whatever their status: ``signal, ts, value, status``."""
        matching = [s for s in self.signals if s.semantic == semantic]
        kind = matching[0].kind if matching else SampleKind.NUMERIC
        table = self.tables.get(kind, empty_table(kind))
        wanted = pa.array([s.id for s in matching], pa.uint32())
        return table.filter(pc.is_in(table.column("signal"), value_set=wanted))

    def samples(self, signal: SignalInfo) -> pa.Table:
        """Every sample of one signal in the window, bad ones too: ``ts, value, status``."""
        table = self.tables.get(signal.kind, SCHEMAS[signal.kind].empty_table())
        kept = table.filter(pc.equal(table.column("signal"), pa.scalar(signal.id, pa.uint32())))
        return kept.select(["ts", "value", "status"])

    def good(self, signal: SignalInfo) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Times (``datetime64[us]``, UTC) and values of one signal's good samples, shape ``(n,)`` each."""
        table = self.samples(signal)
        status = table.column("status").to_numpy()
        values = table.column("value").cast(pa.float64()).to_numpy()
        times = table.column("ts").cast(pa.timestamp("us")).to_numpy()
        kept = is_good(status) & np.isfinite(values)
        return times[kept], values[kept]

    def missing(self) -> tuple[str, ...]:
        """Keys of inputs that are needed and not among the granted signals."""
        return missing_inputs(self.manifest, self.signals)

    def _input(self, key: str) -> Input:
        for wanted in self.manifest.inputs:
            if wanted.key == key:
                return wanted
        raise KeyError(f"{self.manifest.id} declares no input {key!r}")


def missing_inputs(manifest: Manifest, signals: tuple[SignalInfo, ...]) -> tuple[str, ...]:
    """Keys of the manifest's inputs without which the app cannot work and that no signal serves.

    Of the inputs marked ``one_of`` all are named when none of them is served.
    """
    served = {i.key for i in manifest.inputs if any(i.matches(s) for s in signals)}
    required = [i.key for i in manifest.inputs if i.need == "required" and i.key not in served]
    choice = [i.key for i in manifest.inputs if i.need == "one_of"]
    return (*required, *(choice if not served.intersection(choice) else []))
