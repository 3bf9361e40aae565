"""How often signals really come, measured on what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.sdk.fit import Why, obstacles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk import Manifest
    from tundish_platform.sdk.manifest import Input
    from tundish_platform.store.query.queries import Queries
    from tundish_platform.tenancy import TenantScope

# So many of the greatest useful periods are looked at, and at most so many signals.
_PERIODS: Final = 10
_LONGEST: Final = timedelta(days=1)
_MOST: Final = 200
_US: Final = timedelta(microseconds=1)


def measured_periods(
    telemetry: Queries, scope: TenantScope, manifest: Manifest, signals: Sequence[SignalInfo]
) -> dict[int, float]:
    """Median seconds between samples, by signal, of those that an input's greatest period concerns.

    Looks at ten of the greatest useful periods, up to the newest sample. A signal that came once there is
    at least that slow; one that did not come at all says nothing, for it may just be silent.
    """
    found: dict[int, float] = {}
    for wanted in manifest.inputs:
        concerned = [s for s in signals if s.id not in found and _concerns(wanted, s)][:_MOST]
        if wanted.max_period_s is not None and concerned:
            length = min(timedelta(seconds=_PERIODS * wanted.max_period_s), _LONGEST)
            found |= _measured(telemetry, scope, concerned, length)
    return found


def _concerns(wanted: Input, signal: SignalInfo) -> bool:
    others = {one.why for one in obstacles(wanted, signal)} - {Why.RATE}
    return wanted.max_period_s is not None and not others


def _measured(
    telemetry: Queries, scope: TenantScope, signals: Sequence[SignalInfo], length: timedelta
) -> dict[int, float]:
    newest = [row["ts"] for row in telemetry.latest(scope, [s.id for s in signals]).to_pylist()]
    if not newest:
        return {}
    end: datetime = max(newest) + _US
    found = {}
    for kind in sorted({s.kind for s in signals}):
        ids = [s.id for s in signals if s.kind is kind]
        table = telemetry.read(scope, ids, end - length, end, kind)
        numbers, times = table["signal"].to_numpy(), table["ts"].to_numpy()
        for number in np.unique(numbers):
            gaps = np.diff(np.sort(times[numbers == number])) / np.timedelta64(1, "s")
            found[int(number)] = float(np.median(gaps)) if gaps.size else length.total_seconds()
    return found
