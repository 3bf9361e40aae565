"""Instants as the arithmetic of analytics takes them: whole microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970 of an instant."""
    return (at - _EPOCH) // _US


def moment(us: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=int(us))


def local_texts(us: NDArray[np.int64], zone: ZoneInfo) -> list[str]:
    """Instants as a time axis has them: the plant's wall clock, shape ``(n,)``.

    Plotly shows text as it stands, but would move numbers by the browser's own zone.
    """
    zoned = pa.array(us, pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us", tz=zone.key))
    local = pc.local_timestamp(zoned).to_numpy(zero_copy_only=False)
    unit: Literal["s", "ms"] = "ms" if np.any(us % 1_000_000) else "s"
    words: NDArray[np.str_] = np.datetime_as_string(local.astype("datetime64[ms]"), unit=unit)
    return [str(word) for word in words]
