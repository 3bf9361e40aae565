"""Shapes that come again are decoded by a template; what comes out is what a walk from item to item gives."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_connectors.opcua import decode
from tundish_connectors.opcua.decode import DecodeError, decode_bodies
from tundish_connectors.opcua.templates import LEAST_ITEMS, Templates

TYPES = ua.VariantType
KINDS = [TYPES.Double, TYPES.Boolean, TYPES.Int32, TYPES.String, TYPES.UInt16, TYPES.Int64, TYPES.ByteString]
Row = tuple[int, object, int]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable values, no secrets


def value_of(kind: ua.VariantType, chance: random.Random) -> object:
    match kind:
        case TYPES.Double:
            return chance.random()
        case TYPES.Boolean:
            return chance.random() < 0.5
        case TYPES.String:
            return "状态" * chance.randrange(4) + "x" * chance.randrange(9)
        case TYPES.ByteString:
            return chance.randbytes(chance.randrange(9))
        case TYPES.Int64:
            return chance.randrange(-(2**62), 2**62)
        case _:
            return chance.randrange(2**15)


def message(shape: list[tuple[int, int]], chance: random.Random) -> tuple[bytes, list[Row]]:
    """A notification of items given as kind and mask, in bytes and in rows."""
    body, rows = struct.pack("<i", len(shape)), []
    for handle, (kind, mask) in enumerate(shape):
        value = value_of(KINDS[kind], chance)
        status = chance.randrange(2**32)
        body += struct.pack("<IB", handle, mask | 0x01) + variant_to_binary(ua.Variant(value, KINDS[kind]))
        body += struct.pack("<I", status) if mask & 0x02 else b""
        body += struct.pack("<q", 7) if mask & 0x04 else b""
        rows.append((handle, value, status if mask & 0x02 else 0))
    return body + struct.pack("<i", -1), rows


def decoded(bodies: list[bytes]) -> list[Row]:
    rows: list[tuple[int, int, object, int]] = []
    for column in decode_bodies(bodies):
        assert column.order is not None
        values = column.values.tolist() if isinstance(column.values, np.ndarray) else column.values
        rows += zip(
            column.order.tolist(), column.handles.tolist(), values, column.status.tolist(), strict=True
        )
    return [row[1:] for row in sorted(rows, key=lambda row: row[0])]


@pytest.fixture(autouse=True)
def _no_shape_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_SHAPES", Templates())


SHAPE = st.lists(
    st.tuples(st.integers(0, len(KINDS) - 1), st.sampled_from([0, 2, 4, 6])),
    min_size=LEAST_ITEMS, max_size=LEAST_ITEMS + 40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(shape=SHAPE, other=SHAPE, seed=st.integers(0, 2**32))
def test_a_shape_that_comes_again_and_one_that_changed_read_alike(
    shape: list[tuple[int, int]], other: list[tuple[int, int]], seed: int
) -> None:
    decode._SHAPES = Templates()
    chance = seeded(seed)
    # The same number of items and the same first handle: only the bytes within tell the shapes apart.
    shapes = [shape, shape, shape[:-1] + other[:1], other[: len(shape)] + shape[len(other) :], shape, shape]
    sent = [message(one, chance) for one in shapes]
    assert decoded([body for body, _ in sent]) == [row for _, rows in sent for row in rows]


def test_a_known_shape_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = seeded(1)
    shape = [(n % len(KINDS), 4) for n in range(100)]
    first, rows = message(shape, chance)
    assert decoded([first]) == rows
    monkeypatch.setattr(decode._Walk, "_step", None)
    for _ in range(3):
        body, rows = message(shape, chance)
        assert decoded([body]) == rows


def test_a_torn_message_of_a_known_shape_is_refused_wherever_it_ends() -> None:
    chance = seeded(2)
    shape = [(n % len(KINDS), 6) for n in range(LEAST_ITEMS)]
    body, rows = message(shape, chance)
    assert decoded([body]) == rows
    for end in range(8, len(body) - 4, 7):
        with pytest.raises(DecodeError):
            decode_bodies([body[:end]])
    assert decoded([body]) == rows


def test_a_shape_that_never_comes_again_is_no_longer_learned() -> None:
    chance = seeded(3)
    shapes = decode._SHAPES
    for turn in range(10):
        body, rows = message([((n + turn) % len(KINDS), 4) for n in range(LEAST_ITEMS)], chance)
        assert decoded([body]) == rows
    assert not shapes.wanted(body[:8])
    assert shapes.known(body[:8]) is None
