"""What the benchmark's server sends: bodies of data-change notifications, and what they sum up to."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Kind = Literal["float64", "mixed"]
RING: Final = 8
_BASE_TICKS: Final = 133_000_000_000_000_000
_MASK: Final = 0x0D
_UNCERTAIN: Final = 0x40000000
# A value that is not good counts as this much more, so that no client can leave statuses out.
STATUS_WEIGHT: Final = 1000.0
_BAD_EVERY: Final = 20
_ARRAY_EVERY: Final = 100
_FLOAT64 = np.dtype(
    [
        ("handle", "<u4"),
        ("mask", "u1"),
        ("type", "u1"),
        ("value", "<f8"),
        ("source", "<i8"),
        ("server", "<i8"),
    ]
)
_NO_DIAGNOSTICS = struct.pack("<i", -1)


@dataclass(frozen=True, slots=True)
class Plan:
    """One stream of notifications.

    Attributes:
        kind: ``float64`` alone, or ``mixed``: eight scalar types, strings and arrays, a twentieth not good.
        items: monitored items that a client has to create before anything is sent.
        each: values in a notification; the items take turns.
        fresh: every notification carries the present time and new values, as a store needs it.
        period_s: seconds between two changes of an item; 0 sends as fast as the client asks.
        publishing_s: seconds between two notifications of a stream with a period.
        limit: notifications after which the stream falls silent; 0 for none.
    """

    name: str
    kind: Kind
    items: int
    each: int
    fresh: bool = False
    period_s: float = 0.0
    publishing_s: float = 0.05
    limit: int = 0


def ring(plan: Plan, handles: Sequence[int]) -> list[bytes]:
    """Bodies that are sent one after the other, round and round."""
    parts = len(handles) // plan.each
    turns = [
        (turn, handles[part * plan.each : (part + 1) * plan.each])
        for turn in range(RING)
        for part in range(parts)
    ]
    return [_body(plan, turn, list(part)) for turn, part in turns]


def sums(plan: Plan) -> list[float]:
    """What each body of the ring sums up to, whatever the handles are."""
    parts = plan.items // plan.each
    return [
        sum(_weight(plan, turn, at) for at in range(plan.each)) for turn in range(RING) for _ in range(parts)
    ]


def expected(plan: Plan, notifications: int) -> float:
    """The checksum of the first notifications of a stream."""
    one_round = sums(plan)
    whole, rest = divmod(notifications, len(one_round))
    return whole * sum(one_round) + sum(one_round[:rest])


def weigh(value: Any, status: int) -> float:  # noqa: ANN401 - any value a peer hands out
    """What a value adds to a client's checksum."""
    if type(value) is float:
        number = value
    elif isinstance(value, str):
        number = float(len(value))
    elif isinstance(value, (list, tuple, np.ndarray)):
        number = float(sum(value))
    else:
        number = float(value)
    return number + STATUS_WEIGHT if status else number


def frame(handles: Sequence[int]) -> NDArray[Any]:
    """Items of float64 with their handles, to be filled with values and times."""
    items = np.zeros(len(handles), _FLOAT64)
    items["handle"], items["mask"], items["type"] = handles, _MASK, ua.VariantType.Double.value
    return items


def pack(items: NDArray[Any]) -> bytes:
    """Items as the body of a notification."""
    return struct.pack("<i", len(items)) + items.tobytes() + _NO_DIAGNOSTICS


def _body(plan: Plan, turn: int, handles: list[int]) -> bytes:
    if plan.kind == "float64":
        items = frame(handles)
        items["value"] = [_float(turn, at) for at in range(len(handles))]
        items["source"] = items["server"] = _BASE_TICKS + 10_000 * turn
        return pack(items)
    parts = [_mixed_item(turn, at, handle) for at, handle in enumerate(handles)]
    return struct.pack("<i", len(handles)) + b"".join(parts) + _NO_DIAGNOSTICS


def _float(turn: int, at: int) -> float:
    return at * 0.5 + turn


def _weight(plan: Plan, turn: int, at: int) -> float:
    if plan.kind == "float64":
        return _float(turn, at)
    value, _ = _mixed(turn, at)
    return weigh(value, at % _BAD_EVERY == 0)


def _mixed(turn: int, at: int) -> tuple[Any, ua.VariantType]:
    types = ua.VariantType
    small = (at + turn) % 100
    if at % _ARRAY_EVERY == 0:
        return [float(small), 1.5, 2.5, 3.5], types.Double
    choices: list[tuple[Any, ua.VariantType]] = [
        (_float(turn, at), types.Double),
        (small % 2 == 1, types.Boolean),
        (at + turn, types.Int32),
        (small, types.UInt16),
        (small * 0.5, types.Float),
        (-small, types.Int16),
        (at * 3 + turn, types.UInt32),
        (at * 1000 + turn, types.Int64),
        ("running " + "x" * (small % 7), types.String),
        (small, types.Byte),
    ]
    return choices[at % len(choices)]


def _mixed_item(turn: int, at: int, handle: int) -> bytes:
    value, variant = _mixed(turn, at)
    bad = at % _BAD_EVERY == 0
    ticks = _BASE_TICKS + 10_000 * turn
    head = struct.pack("<IB", handle, _MASK | (0x02 if bad else 0))
    status = struct.pack("<I", _UNCERTAIN) if bad else b""
    return head + variant_to_binary(ua.Variant(value, variant)) + status + struct.pack("<qq", ticks, ticks)
