"""The signals of one connection, numbered for arrays: the slot is also the client handle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalSpec

KINDS = (SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT, SampleKind.ARRAY)
_HELD = {SignalRole.STATE, SignalRole.SETPOINT, SignalRole.IDENTITY}


@dataclass
class SlotTable:
    """Grows, never shrinks: a signal keeps its slot through every reconnect of the process.

    Attributes:
        specs: what each slot's signal is.
        signal: number of the signal in the tenant, ``uint32 (n,)``.
        kind: index into `KINDS`, ``int8 (n,)``.
        period_us: expected source time between samples, 0 where none is expected.
        held: states and the like, sent only when they change, whose value holds until then.
        enums: texts of enumeration values by slot.
        picks: how to take the value out of a structure, by slot.
    """

    specs: list[SignalSpec] = field(default_factory=list)
    signal: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    kind: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    period_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    held: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    enums: dict[int, dict[int, str]] = field(default_factory=dict)
    picks: dict[int, Callable[[object], Any]] = field(default_factory=dict)
    _by_path: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.specs)

    def add(
        self,
        spec: SignalSpec,
        number: int,
        enum: dict[int, str] | None = None,
        pick: Callable[[object], Any] | None = None,
    ) -> int:
        """The slot of a signal, a new one where its path is new or its kind has changed."""
        slot = self._by_path.get(spec.path)
        if slot is None or self.specs[slot].kind is not spec.kind:
            slot = len(self.specs)
            self._by_path[spec.path] = slot
            self.specs.append(spec)
            self._grow(spec, number)
        self.specs[slot] = spec
        self.signal[slot] = number
        if enum is not None:
            self.enums[slot] = enum
        if pick is not None:
            self.picks[slot] = pick
        return slot

    def _grow(self, spec: SignalSpec, number: int) -> None:
        self.signal = np.append(self.signal, np.uint32(number))
        self.kind = np.append(self.kind, np.int8(KINDS.index(spec.kind)))
        self.period_us = np.append(self.period_us, np.int64((spec.period_s or 0) * 1e6))
        self.held = np.append(self.held, spec.role in _HELD)
