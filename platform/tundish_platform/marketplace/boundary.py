"""The input boundary: granted samples become the confirmed inputs, in the units that the app asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.assets.units import conversion_of
from tundish_platform.sdk import AppInputs
from tundish_platform.sdk.inputs import serves

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pyarrow as pa

    from tundish_platform.samples import SampleKind, SignalInfo
    from tundish_platform.sdk import Manifest


def inputs_of(
    manifest: Manifest,
    window: tuple[datetime, datetime],
    signals: tuple[SignalInfo, ...],
    tables: Mapping[SampleKind, pa.Table],
    parameters: Mapping[str, float | str],
    mapping: Mapping[str, tuple[int, ...]] | None = None,
) -> AppInputs:
    """What an app is given.

    Args:
        manifest: of the app.
        window: ``[start, end)`` in source time.
        signals: those it may read.
        tables: their samples by kind, in the units they are stored in.
        parameters: of the subscription, defaults filled in.
        mapping: signals by input, as a person confirmed them and as they still are; None where nobody did.
    """
    return AppInputs(
        manifest, *window, signals, tables, parameters, mapping, _conversions(manifest, signals, mapping)
    )


def _conversions(
    manifest: Manifest, signals: tuple[SignalInfo, ...], mapping: Mapping[str, tuple[int, ...]] | None
) -> dict[tuple[int, str], tuple[float, float]]:
    """Factor and offset by signal and unit, for those whose unit is another one than the input's."""
    found = {}
    for wanted in manifest.inputs:
        for signal in signals:
            if wanted.unit and signal.unit != wanted.unit and serves(wanted, signal, mapping):
                linear = conversion_of(signal, wanted.unit)
                found[signal.id, wanted.unit] = linear.factor, linear.offset
    return found
