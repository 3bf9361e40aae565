"""``unit=``: answers in another unit than the one stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from flask import request

from tundish_platform.api.errors import Problem
from tundish_platform.assets.units import Linear, UnitMismatch, conversion_of
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo

_COUNTABLE: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})


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
    if not by_signal:
        return table
    factor, offset = _of_rows(table, by_signal)
    for name in columns:
        table = _replaced(table, name, _numbers(table, name) * factor + offset)
    return table


def converted_windows(table: pa.Table, by_signal: Mapping[int, Linear]) -> pa.Table:
    """Aggregates in the unit asked for.

    The integral is of the value over good time, in unit · s: a zero that lies elsewhere moves it by the
    offset for each good second. Seconds, counts and shares stay.
    """
    if not by_signal:
        return table
    factor, offset = _of_rows(table, by_signal)
    area = _numbers(table, "integral") * factor + _numbers(table, "good_s") * offset
    table = converted(table, by_signal, "mean", "min", "max", "first", "last")
    return _replaced(table, "integral", area)


def converted_grid(table: pa.Table, by_signal: Mapping[int, Linear]) -> pa.Table:
    """A wide table, of which each column ``s<number>`` is converted as its signal says."""
    for number, linear in by_signal.items():
        name = f"s{number}"
        at = table.column_names.index(name)
        values = pc.add(pc.multiply(table[name], linear.factor), linear.offset)
        table = table.set_column(at, table.schema.field(name), values)
    return table


def _of_rows(
    table: pa.Table, by_signal: Mapping[int, Linear]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset of each row, by its ``signal``."""
    numbers, place = np.unique(table["signal"].to_numpy(), return_inverse=True)
    factor = np.array([by_signal[int(n)].factor for n in numbers], dtype=np.float64)
    offset = np.array([by_signal[int(n)].offset for n in numbers], dtype=np.float64)
    return factor[place], offset[place]


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = table[name].cast(pa.float64(), safe=False).to_numpy()
    return values


def _replaced(table: pa.Table, name: str, values: NDArray[np.float64]) -> pa.Table:
    """The table with other numbers in a column; what was unknown stays so."""
    kept = pa.array(values, mask=table[name].is_null().to_numpy())
    at = table.column_names.index(name)
    return table.set_column(at, pa.field(name, pa.float64(), table.schema.field(name).nullable), kept)


def _conversion(signal: SignalInfo, unit: str) -> Linear:
    if signal.kind not in _COUNTABLE:
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
