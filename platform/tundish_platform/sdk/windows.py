"""A window made of given samples, for the tests of an app and for holding it against recorded data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tundish_platform.samples import BAD_NO_COMMUNICATION, GOOD, SCHEMAS, SampleKind, SignalInfo
from tundish_platform.sdk.inputs import AppInputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.sdk.manifest import Manifest


def signal(number: int, path: str, semantic: str, **more: Any) -> SignalInfo:  # noqa: ANN401 - fields of it
    """A signal for a window; what is not given has the usual value."""
    named = {"id": number, "source": "recording", "path": path, "name_zh": "信号", "name_en": "signal"}
    return SignalInfo.model_validate({**named, "semantic": semantic, **more})


def window_inputs(
    manifest: Manifest,
    samples: Mapping[SignalInfo, tuple[NDArray[Any], Sequence[Any] | NDArray[Any]]],
    start: datetime,
    end: datetime,
    parameters: Mapping[str, float | str] | None = None,
) -> AppInputs:
    """The window ``[start, end)`` with good samples only.

    Args:
        manifest: of the app.
        samples: of each signal the seconds after ``start``, rising, and the values; None and NaN are bad.
        start: of the window.
        end: of the window; later samples are left out.
        parameters: settings of the subscription; the manifest's defaults are filled in.
    """
    length = (end - start).total_seconds()
    tables = {
        kind: pa.concat_tables(
            [
                _samples(one, seconds, values, start, length)
                for one, (seconds, values) in sorted(samples.items(), key=lambda item: item[0].id)
                if one.kind is kind
            ]
        )
        for kind in sorted({one.kind for one in samples})
    }
    return AppInputs(manifest, start, end, tuple(samples), tables, manifest.settings(dict(parameters or {})))


def _samples(
    one: SignalInfo,
    seconds: NDArray[Any],
    values: Sequence[Any] | NDArray[Any],
    start: datetime,
    length: float,
) -> pa.Table:
    schema = SCHEMAS[one.kind]
    inside = np.flatnonzero((seconds >= 0) & (seconds < length))
    kept = _values(one, values, inside)
    micros = np.round(seconds[inside] * 1e6).astype(np.int64) + int(start.timestamp() * 1e6)
    status = np.where(kept.is_null().to_numpy(zero_copy_only=False), BAD_NO_COMMUNICATION, GOOD).astype(
        np.uint32
    )
    columns = [
        pa.array(np.full(inside.size, one.id, np.uint32)),
        pa.array(micros).cast(schema.field("ts").type),
        kept,
        pa.array(status),
    ]
    return pa.table(columns, schema=schema)


def _values(one: SignalInfo, values: Sequence[Any] | NDArray[Any], inside: NDArray[np.intp]) -> pa.Array:
    wanted = SCHEMAS[one.kind].field("value").type
    if one.kind is SampleKind.NUMERIC:
        return pa.array(np.asarray(values, np.float64)[inside], wanted, from_pandas=True)
    listed = [values[place] for place in inside.tolist()]
    return pa.array([None if value is None else _plain(value) for value in listed], wanted)


def _plain(value: Any) -> Any:  # noqa: ANN401 - a text, a number or an array's numbers
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
