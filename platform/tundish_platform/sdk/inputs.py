"""`AppInputs`: the window of granted samples an app gets, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind, SignalInfo, empty_table, is_good

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.sdk.manifest import Input, Manifest
    from tundish_platform.sdk.records import RecordKind

_AS_IT_IS = (1.0, 0.0)


@dataclass(frozen=True, slots=True)
class AppInputs:
    """One window of the signals a subscription grants.

    Attributes:
        manifest: the app's own manifest.
        start, end: the window ``[start, end)`` in source time, UTC.
        signals: what is known of each granted signal.
        tables: per sample kind one table ``signal, ts, value, status``, sorted by (signal, ts).
        parameters: settings of the subscription, defaults filled in.
        mapping: numbers of the signals that a person confirmed as each input; None where nobody did, then
            every granted signal serves that fits.
        conversions: how values of a signal get from its own unit into one that an input asks for, by
            (signal, unit); factor and offset.
        records: by kind the records that were granted; a kind that was not is absent.
    """

    manifest: Manifest
    start: datetime
    end: datetime
    signals: tuple[SignalInfo, ...]
    tables: Mapping[SampleKind, pa.Table] = field(default_factory=dict)
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    mapping: Mapping[str, tuple[int, ...]] | None = None
    conversions: Mapping[tuple[int, str], tuple[float, float]] = field(default_factory=dict)
    records: Mapping[RecordKind, pa.Table] = field(default_factory=dict)

    def found(self, key: str) -> tuple[SignalInfo, ...]:
        """Granted signals that serve as the input ``key``, by path, in the unit that the input asks for."""
        wanted = self._input(key)
        serving = (s for s in self.signals if serves(wanted, s, self.mapping))
        return tuple(sorted((self._in_unit(s, wanted.unit) for s in serving), key=lambda s: s.path))

    def table(self, semantic: str) -> pa.Table:
        """All samples of one semantic kind, whatever their status: ``signal, ts, value, status``."""
        matching = [s for s in self.signals if s.semantic == semantic]
        kind = matching[0].kind if matching else SampleKind.NUMERIC
        table = self.tables.get(kind, empty_table(kind))
        wanted = pa.array([s.id for s in matching], pa.uint32())
        return table.filter(pc.is_in(table.column("signal"), value_set=wanted))

    def samples(self, signal: SignalInfo) -> pa.Table:
        """Every sample of one signal in the window, bad ones too: ``ts, value, status``.

        A signal from `found` has its values in the unit it says there.
        """
        table = self.tables.get(signal.kind, SCHEMAS[signal.kind].empty_table())
        kept = table.filter(pc.equal(table.column("signal"), pa.scalar(signal.id, pa.uint32())))
        kept = kept.select(["ts", "value", "status"])
        factor, offset = self.conversions.get((signal.id, signal.unit), _AS_IT_IS)
        if (factor, offset) == _AS_IT_IS:
            return kept
        value = pc.add(pc.multiply(kept["value"], factor), offset)
        return kept.set_column(1, kept.schema.field("value"), value)

    def good(self, signal: SignalInfo) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Times (``datetime64[us]``, UTC) and values of one signal's good samples, shape ``(n,)`` each."""
        table = self.samples(signal)
        status = table.column("status").to_numpy()
        values = table.column("value").cast(pa.float64()).to_numpy()
        times = table.column("ts").cast(pa.timestamp("us")).to_numpy()
        kept = is_good(status) & np.isfinite(values)
        return times[kept], values[kept]

    def missing(self) -> tuple[str, ...]:
        """Keys of inputs that are needed and not among the granted signals, and kinds of needed records."""
        wishes = (wish for wish in self.manifest.records if wish.need == "required")
        records = tuple(wish.kind.value for wish in wishes if wish.kind not in self.records)
        return (*missing_inputs(self.manifest, self.signals, self.mapping), *records)

    def rows(self, kind: RecordKind) -> list[dict[str, Any]]:
        """Records of one kind, a row each; none where they were not granted."""
        table = self.records.get(kind)
        found: list[dict[str, Any]] = [] if table is None else table.to_pylist()
        return found

    def _in_unit(self, signal: SignalInfo, unit: str) -> SignalInfo:
        if (signal.id, unit) not in self.conversions:
            return signal
        factor, offset = self.conversions[signal.id, unit]
        low, high = (None if x is None else x * factor + offset for x in (signal.low, signal.high))
        return signal.model_copy(update={"unit": unit, "low": low, "high": high})

    def _input(self, key: str) -> Input:
        for wanted in self.manifest.inputs:
            if wanted.key == key:
                return wanted
        raise KeyError(f"{self.manifest.id} declares no input {key!r}")


def serves(wanted: Input, signal: SignalInfo, mapping: Mapping[str, tuple[int, ...]] | None) -> bool:
    """Whether a signal is an input: as a person confirmed it, or because it fits where nobody did."""
    return wanted.matches(signal) if mapping is None else signal.id in mapping.get(wanted.key, ())


def missing_inputs(
    manifest: Manifest,
    signals: tuple[SignalInfo, ...],
    mapping: Mapping[str, tuple[int, ...]] | None = None,
) -> tuple[str, ...]:
    """Keys of the manifest's inputs without which the app cannot work and that no signal serves.

    Of the inputs marked ``one_of`` all are named when none of them is served.

    Args:
        manifest: of the app.
        signals: that it may read.
        mapping: which of them serve as which input; whichever fit without.
    """
    served = {i.key for i in manifest.inputs if any(serves(i, s, mapping) for s in signals)}
    required = [i.key for i in manifest.inputs if i.need == "required" and i.key not in served]
    choice = [i.key for i in manifest.inputs if i.need == "one_of"]
    return (*required, *(choice if not served.intersection(choice) else []))
