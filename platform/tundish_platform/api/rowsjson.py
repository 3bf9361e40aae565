"""Samples as JSON rows, ten or a hundred thousand, as columns by the type of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import numpy as np
import pyarrow as pa
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from tundish_platform.api.errors import Problem
from tundish_platform.api.rowerrors import RowErrors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MAX_ROWS: Final = 100_000
MAX_JSON: Final = 32 * 1024 * 1024
TIMESTAMP: Final = pa.timestamp("us", tz="UTC")

_Whole = Annotated[StrictInt, Field(ge=-(2**63), le=2**63 - 1)]
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Text = Annotated[StrictStr, Field(max_length=1_000_000)]
_Value = StrictBool | _Whole | _Number | _Text | list[_Number] | None


class TelemetryRow(BaseModel):
    """A sample; the signal by number or by path.

    Attributes:
        status: OPC UA StatusCode; 0 is good.
    """

    model_config = ConfigDict(extra="forbid")

    signal: Annotated[StrictInt, Field(ge=0, le=2**32 - 1)] | None = None
    path: Annotated[StrictStr, Field(min_length=1, max_length=400)] | None = None
    ts: AwareDatetime
    value: _Value
    status: Annotated[StrictInt, Field(ge=0, le=2**32 - 1)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.signal is None) is (self.path is None):
            raise ValueError("needs either signal or path")
        return self


class TelemetryRows(RootModel[Annotated[list[TelemetryRow], Field(max_length=MAX_ROWS)]]):
    """Samples, all of which are stored or none."""


def tables_of_json(body: bytes) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """Columns as an Arrow body has them, with the number of each row in the body.

    Raises:
        Problem: the body is no JSON, or rows of it are no samples.
    """
    if len(body) > MAX_JSON:
        raise Problem(413)
    try:
        rows = TelemetryRows.model_validate_json(body).root
    except ValidationError as error:
        raise _refused(error) from None
    groups: dict[tuple[bool, pa.DataType], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault((row.path is not None, _type(row.value)), []).append(number)
    for (by_path, kind), numbers in groups.items():
        yield _table([rows[n] for n in numbers], kind, by_path=by_path), np.array(numbers, dtype=np.int64)


def _table(rows: Sequence[TelemetryRow], kind: pa.DataType, *, by_path: bool) -> pa.Table:
    named = (
        pa.array([row.path for row in rows], pa.string())
        if by_path
        else pa.array([row.signal for row in rows], pa.uint32())
    )
    return pa.table(
        {
            "path" if by_path else "signal": named,
            "ts": pa.array([row.ts for row in rows], TIMESTAMP),
            "value": pa.array([row.value for row in rows], kind),
            "status": pa.array([row.status for row in rows], pa.uint32()),
        }
    )


def _type(value: Any) -> pa.DataType:  # noqa: ANN401 - any JSON value that passed the model
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64()
    if isinstance(value, float):
        return pa.float64()
    if isinstance(value, str):
        return pa.string()
    return pa.list_(pa.float64()) if isinstance(value, list) else pa.null()


def _refused(error: ValidationError) -> Problem:
    wrong = RowErrors()
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place = one["loc"]
        if not place or not isinstance(place[0], int):
            return Problem(
                400, f"The body is no list of samples: {one['msg']}.", f"请求体不是采样列表: {one['msg']}。"
            )
        column = str(place[1]) if len(place) > 1 else "signal"
        wrong.add(place[0], column, f"cannot be used: {one['msg']}", f"无法使用: {one['msg']}")
    return wrong.problem()
