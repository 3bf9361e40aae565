"""``unit=``: answers in another unit than the one stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from flask import request

from tundish_platform.api.errors import Problem
from tundish_platform.assets.units import Linear, UnitMismatch, conversion_of
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.samples import SignalInfo

_NUMBERS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})


def asked_unit() -> str | None:
    """UCUM code of ``unit=``; None where the answer shall be in the units stored."""
    return request.args.get("unit")


def conversions(signals: Iterable[SignalInfo], unit: str | None) -> dict[int, Linear]:
    """How each signal's values become the unit asked for; nothing where none was."""
    if unit is None:
        return {}
    return {signal.id: _conversion(signal, unit) for signal in signals}


def converted(table: pa.Table, by_signal: Mapping[int, Linear], *columns: str) -> pa.Table:
    """Rows with the columns converted, each as its ``signal`` says; whole numbers become decimal ones."""
    if not by_signal or table.num_rows == 0:
        return table
    numbers, place = np.unique(table["signal"].to_numpy(), return_inverse=True)
    factor = np.array([by_signal[int(n)].factor for n in numbers])[place]
    offset = np.array([by_signal[int(n)].offset for n in numbers])[place]
    for name in columns:
        values = table[name].cast(pa.float64(), safe=False)
        kept = pa.array(values.to_numpy() * factor + offset, mask=values.is_null().to_numpy())
        at = table.column_names.index(name)
        table = table.set_column(at, pa.field(name, pa.float64(), table.schema.field(name).nullable), kept)
    return table


def _conversion(signal: SignalInfo, unit: str) -> Linear:
    if signal.kind not in _NUMBERS:
        raise Problem(
            422, f"Signal {signal.id} has no numbers that could be converted.",
            f"信号 {signal.id} 不是数值信号, 不能换算单位。", "unit_mismatch",
        )  # fmt: skip
    try:
        return conversion_of(signal, unit)
    except UnitMismatch as error:
        held, wanted = error.held or "-", error.wanted[:40] or "-"
        raise Problem(
            422, f"Signal {signal.id} is in {held}, which does not convert to {wanted}. Use UCUM codes.",
            f"信号 {signal.id} 的单位为 {held}, 不能换算为 {wanted}。单位须为 UCUM 代码。", "unit_mismatch",
        ) from None  # fmt: skip
