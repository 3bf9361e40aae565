"""Decoded notifications to sample batches, one per kind, in bulk."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from asyncua import ua
from numpy.typing import NDArray

from tundish_connectors.opcua.decode import Column
from tundish_connectors.opcua.slots import KINDS
from tundish_connectors.opcua.thinned import Part, ThinnedColumns, in_order
from tundish_connectors.opcua.times import resolve_times
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_connectors.opcua.slots import SlotTable

BAD_TYPE_MISMATCH = 0x80740000
BAD_OUT_OF_RANGE = 0x803C0000
BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
_INT64 = np.iinfo(np.int64)
_GOOD_TOP = 0x40000000
_NUMERIC, _INTEGER, _TEXT, _ARRAY = range(4)
# Up to here float64 holds every whole number.
_EXACT = 2**53
_ALL = slice(None)
_Rows = NDArray[np.int64] | slice
_Taken = tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64]]


class UnfitError(ValueError):
    """A value that its signal's kind cannot hold; carries the status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


class BatchBuilder:
    """Collects columns and makes batches of them.

    Attributes:
        thinned: what may be left out of numeric signals; nothing by default.
        oddities: how often something had to be mended: ``replaced_times``, ``unfit_values``,
            ``unknown_handles``, ``not_yet_sampled``.
    """

    def __init__(self, table: SlotTable, thinned: ThinnedColumns | None = None) -> None:
        self._table = table
        self.thinned = ThinnedColumns(()) if thinned is None else thinned
        self._chunks: dict[int, list[Part]] = {}
        self.oddities: Counter[str] = Counter()

    def add(
        self, columns: Sequence[Column], arrival_us: int
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]:
        """Take columns over that were decoded together.

        Returns:
            Slots, times in µs and statuses of what was taken, each ``(n,)``, in the order of the server.
        """
        taken: list[_Taken] = []
        by_kind: dict[int, list[Part]] = {}
        behind = 0
        for raw in columns:
            column = self._known(raw)
            order = np.arange(behind, behind + len(column.handles)) if column.order is None else column.order
            if not len(order):
                continue
            behind = int(order[-1]) + 1
            times, replaced = resolve_times(column.source, column.server, arrival_us)
            if replaced:
                self.oddities["replaced_times"] += replaced
            taken.append((column.handles, times, column.status, order))
            for kind, chosen in self._kinds(column.handles):
                values, status = self._values(column, kind, chosen)
                signal = self._table.signal[column.handles[chosen]]
                by_kind.setdefault(kind, []).append((signal, times[chosen], values, status, order[chosen]))
        for kind, parts in by_kind.items():
            whole = in_order(parts)
            self._chunks.setdefault(kind, []).append(self.thinned.take(whole) if kind == _NUMERIC else whole)
        return _merged(taken)

    def cut(self, signals: NDArray[np.uint32]) -> None:
        """Keep what was held back of signals that may have a gap, and the next sample of each."""
        self._add_held(self.thinned.cut(signals))

    def release(self) -> None:
        """Keep what was held back of all signals."""
        self._add_held(self.thinned.release())

    def _add_held(self, held: Part) -> None:
        if len(held[0]):
            self._chunks.setdefault(_NUMERIC, []).append(held)

    def _kinds(self, slots: NDArray[np.uint32]) -> Iterator[tuple[int, _Rows]]:
        """Each kind among the slots with its rows."""
        kinds = self._table.kind[slots]
        present = np.flatnonzero(np.bincount(kinds, minlength=len(KINDS))).tolist()
        for kind in present:
            yield kind, _ALL if len(present) == 1 else np.flatnonzero(kinds == kind)

    def _known(self, column: Column) -> Column:
        known = column.handles < len(self._table)
        # "No value yet" is no sample: it has no source time, and arrival would stand in for one.
        waiting = known & (column.status == BAD_WAITING_FOR_INITIAL_DATA) & (column.source == 0)
        chosen = np.flatnonzero(known & ~waiting)
        if len(chosen) == len(known):
            return column
        for name, rows in (("unknown_handles", ~known), ("not_yet_sampled", waiting)):
            if rows.any():
                self.oddities[name] += int(rows.sum())
        return Column(
            column.handles[chosen],
            column.status[chosen],
            column.source[chosen],
            column.server[chosen],
            _pick(column.values, chosen),
            column.variant,
            None if column.order is None else column.order[chosen],
        )

    def _values(self, column: Column, kind: int, chosen: _Rows) -> tuple[pa.Array, NDArray[np.uint32]]:
        status = column.status[chosen]
        if isinstance(column.values, np.ndarray):
            fitting = _fitting(kind, column.values[chosen])
            if fitting is not None:
                return pa.array(fitting), status
        enums, picks = self._table.enums, self._table.picks
        out: list[Any] = []
        status = status.copy()
        handles = column.handles[chosen].tolist()
        for at, (handle, value) in enumerate(zip(handles, _pick(column.values, chosen), strict=True)):
            try:
                picked = _picked(value, picks[handle]) if handle in picks else value
                out.append(_convert(kind, picked, enums.get(handle)))
            except UnfitError as unfit:
                out.append(None)
                self.oddities["unfit_values"] += 1
                # A status that is already worse tells more than ours.
                status[at] = unfit.status if status[at] < _GOOD_TOP else status[at]
        return pa.array(out, SCHEMAS[KINDS[kind]].field("value").type), status

    def build(self, arrival: datetime) -> list[SampleBatch]:
        """The batches of everything added since the last call."""
        chunks, self._chunks = self._chunks, {}
        # Of a part that was thinned nothing may be left.
        made = [_batch(KINDS[kind], parts, arrival) for kind, parts in sorted(chunks.items())]
        return [one for one in made if len(one)]


def _merged(
    taken: Sequence[_Taken],
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]:
    if not taken:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, np.uint32)
    slots, times, status, order = (np.concatenate(one) for one in zip(*taken, strict=True))
    if len(taken) == 1:
        return slots, times, status
    rows = np.argsort(order, kind="stable")
    return slots[rows], times[rows], status[rows]


def _batch(kind: SampleKind, parts: Sequence[Part], arrival: datetime) -> SampleBatch:
    signal, times, values, status, _ = zip(*parts, strict=True)
    schema = SCHEMAS[kind]
    columns = [
        pa.array(np.concatenate(signal)),
        pa.array(np.concatenate(times)).view(schema.field("ts").type),
        pa.concat_arrays(values),
        pa.array(np.concatenate(status)),
    ]
    return SampleBatch(kind, pa.Table.from_arrays(columns, schema=schema), arrival)


def _pick(values: NDArray[Any] | list[Any], chosen: _Rows) -> list[Any]:
    if isinstance(values, np.ndarray):
        picked: list[Any] = values[chosen].tolist()
        return picked
    return values if isinstance(chosen, slice) else [values[index] for index in chosen.tolist()]


def _picked(value: object, pick: Callable[[object], Any]) -> Any:  # noqa: ANN401 - a field of any type
    try:
        return pick(value)
    except ValueError as error:
        raise UnfitError(BAD_TYPE_MISMATCH) from error


def _fitting(kind: int, values: NDArray[Any]) -> NDArray[Any] | None:
    """The values as the kind's type; None where some may not fit and each has to be looked at."""
    dtype = values.dtype
    if kind == _NUMERIC:
        # Whole numbers of 64 bits may not survive float64.
        wide = dtype.kind in "iu" and dtype.itemsize == np.dtype(np.int64).itemsize
        if wide and len(values) and (values.max() > _EXACT or values.min() < -_EXACT):
            return None
        return values.astype(np.float64)
    if kind == _INTEGER and dtype.kind in "?biu" and dtype != np.uint64:
        return values.astype(np.int64)
    return None


def _convert(kind: int, value: Any, enum: dict[int, str] | None) -> Any:  # noqa: ANN401 - OPC UA's built-in types
    if value is None:
        return None
    if kind == _TEXT:
        return _as_text(value, enum)
    if kind == _ARRAY:
        return list(_as_numbers(value))
    return _as_number(value) if kind == _NUMERIC else _as_integer(value)


def _as_number(value: object) -> float:
    if not isinstance(value, (bool, int, float)):
        raise UnfitError(BAD_TYPE_MISMATCH)
    if isinstance(value, int) and int(float(value)) != value:
        raise UnfitError(BAD_OUT_OF_RANGE)
    return float(value)


def _as_integer(value: object) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise UnfitError(BAD_TYPE_MISMATCH)
    if not isinstance(value, (bool, int, float)):
        raise UnfitError(BAD_TYPE_MISMATCH)
    if not _INT64.min <= int(value) <= _INT64.max:
        # UInt64 above 2^63 - 1 has no place in the store; it is kept as a null that says so.
        raise UnfitError(BAD_OUT_OF_RANGE)
    return int(value)


def _as_numbers(value: object) -> Iterator[float]:
    if not isinstance(value, (list, tuple, np.ndarray)):
        yield _as_number(value)
        return
    for item in value:
        yield from _as_numbers(item)


def _as_text(value: object, enum: dict[int, str] | None) -> str | None:
    if enum is not None and isinstance(value, int):
        return enum.get(int(value), str(int(value)))
    if isinstance(value, ua.LocalizedText):
        return None if value.Text is None else str(value.Text)
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, ua.QualifiedName):
        return str(value.Name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, UUID)):
        return str(value)
    raise UnfitError(BAD_TYPE_MISMATCH)
