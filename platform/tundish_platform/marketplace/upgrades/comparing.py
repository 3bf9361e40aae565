"""Two versions over the same data: what each said, and where they differ. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.marketplace.outcomes import Outcome

if TYPE_CHECKING:
    from tundish_platform.marketplace.catalogue import App
    from tundish_platform.marketplace.sandbox import SandboxResult
    from tundish_platform.sdk import AppInputs, AppOutputs, OutputColumn

_LONGEST = 2_000
# Another order of adding moves the last digits; that is no other answer.
_RELATIVE: Final = 1e-9
_ABSOLUTE: Final = 1e-12
_Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
_Key = Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Value = _Finite | _Text | None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Side(_Part):
    """One of the two runs.

    Attributes:
        rows: samples that it was given; values: that it handed back.
        missing: inputs that it said it misses.
        detail: why it failed.
    """

    version: Annotated[str, Field(max_length=40)]
    outcome: Outcome
    seconds: Annotated[float, Field(ge=0)] = 0.0
    rows: Annotated[int, Field(ge=0)] = 0
    values: Annotated[int, Field(ge=0)] = 0
    missing: Annotated[tuple[_Key, ...], Field(max_length=100)] = ()
    detail: Annotated[str, Field(max_length=_LONGEST, pattern=r"^[^\x00]*$")] = ""


class Difference(_Part):
    """An output that both versions have and that they do not agree on, with the newest value of each."""

    output: _Key
    before: _Value = None
    after: _Value = None


class Shadow(_Part):
    """A shadow run of a new version beside the current one.

    Attributes:
        current: None where the current version stands still, and was not run.
        differing: outputs of both on which they do not agree; empty unless both runs went well.
    """

    current: Side | None = None
    new: Side
    differing: Annotated[tuple[Difference, ...], Field(max_length=64)] = ()


def shadow_of(
    current: tuple[App, AppInputs, SandboxResult | None], new: tuple[App, AppInputs, SandboxResult]
) -> Shadow:
    """Two versions with what they were given and what came of it; the current one may not have run."""
    app, inputs, before = current
    other, given, after = new
    return Shadow(
        current=None if before is None else _side(app, inputs, before),
        new=_side(other, given, after),
        differing=differences(before.outputs if before else None, after.outputs),
    )


def _side(app: App, inputs: AppInputs, result: SandboxResult) -> Side:
    outputs = result.outputs
    rows = sum(table.num_rows for table in (*inputs.tables.values(), *inputs.records.values()))
    return Side(
        version=app.manifest.version, outcome=result.outcome, seconds=result.seconds, rows=rows,
        values=outputs.count if outputs else 0, missing=outputs.missing if outputs else (),
        detail=result.detail[-_LONGEST:].replace("\x00", ""),
    )  # fmt: skip


def differences(before: AppOutputs | None, after: AppOutputs | None) -> tuple[Difference, ...]:
    """Outputs of the former version that the other one tells otherwise; what only the new one has is none."""
    if before is None or after is None:
        return ()
    olds, news = before.told(), after.told()
    return tuple(
        Difference(output=key, before=_told(old), after=_told(news.get(key)))
        for key, old in olds.items()
        if not _same(old, news.get(key))
    )[:64]


def _same(old: OutputColumn, new: OutputColumn | None) -> bool:
    if new is None or not old.ts.equals(new.ts):
        return False
    if old.value.type != new.value.type or not pa.types.is_floating(old.value.type):
        return bool(old.value.equals(new.value)) or _silent(old, new)
    a, b = (column.value.to_numpy(zero_copy_only=False) for column in (old, new))
    near = np.abs(a - b) <= np.maximum(_RELATIVE * np.maximum(np.abs(a), np.abs(b)), _ABSOLUTE)
    return bool((near | (np.isnan(a) & np.isnan(b))).all())


def _silent(old: OutputColumn, new: OutputColumn) -> bool:
    """Whether neither could tell anything, whatever it would have told in."""
    return all(column.value.null_count == len(column) for column in (old, new))


def _told(column: OutputColumn | None) -> float | str | None:
    newest = column.value[-1].as_py() if column else None
    return newest[:400] if isinstance(newest, str) else newest
