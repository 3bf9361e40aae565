"""Whose rows a request reaches is decided by the scope under its seal, and by nothing else."""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.samples import CodecError, encode_batch
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.remote.pool import WriterLines
from tundish_platform.store.remote.protocol import REQUEST, Channel
from tundish_platform.store.remote.seals import read_key, scope_of, scope_told
from tundish_platform.store.remote.wire import tables_of
from tundish_platform.tenancy import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Pair

    from tundish_platform.samples import SampleBatch
    from tundish_platform.tenancy import TenantScope

BOUND_S = 60.0
LENGTHS = struct.Struct("<4sIQ")
SEAL_BYTES = 32
READ = {"kind": "numeric", "signals": [1], "start": None, "end": None}


def test_a_scope_comes_out_as_it_went_in(pair: Pair) -> None:
    steel = pair.inside.scopes["steel"]
    narrow = steel.narrowed(frozenset({3, 1}), frozenset({Permission.READ}))
    nothing = steel.narrowed(frozenset(), frozenset({Permission.READ, Permission.INGEST}))
    for scope in (steel, narrow, nothing, pair.inside.scopes["power"]):
        told = json.loads(json.dumps(scope_told(scope)))
        again = scope_of(told)
        for name in ("tenant_id", "slug", "principal", "signals"):
            assert getattr(again, name) == getattr(scope, name)
        # The store needs no more, so no more comes over.
        assert again.permissions == scope.permissions & {Permission.READ, Permission.INGEST}


@pytest.mark.parametrize(
    "change",
    [
        {"permissions": []},
        {"permissions": ["manage"]},
        {"permissions": ["read", "operate"]},
        {"permissions": None},
        {"signals": ["x"]},
        {"signals": 1},
        {"tenant": None},
    ],
)
def test_words_that_are_no_scope_give_none(pair: Pair, change: dict[str, Any]) -> None:
    told = scope_told(pair.inside.scopes["steel"]) | change
    with pytest.raises(AccessDenied):
        scope_of(told)
    with pytest.raises(AccessDenied):
        scope_of({key: value for key, value in told.items() if key not in change})


def sealed(pair: Pair, head: dict[str, Any], body: bytes) -> tuple[socket.socket, Channel, bytes]:
    """A connection of our own, and a message for it as it would go over the wire."""
    connection, nonce = pair.connect()
    left, right = socket.socketpair()
    key = read_key(pair.inside.root)
    with left, right:
        Channel(left, key, nonce, REQUEST).send(head, [body], seconds=BOUND_S)
        message = right.recv(100_000)
    return connection, Channel(connection, key, nonce, REQUEST), message


def altered(message: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same message under the same seal with another head."""
    place = LENGTHS.size + SEAL_BYTES
    mark, length, body = LENGTHS.unpack(message[: LENGTHS.size])
    head = json.loads(message[place : place + length])
    change(head)
    told = json.dumps(head, separators=(",", ":")).encode()
    seal = message[LENGTHS.size : place]
    return LENGTHS.pack(mark, len(told), body) + seal + told + message[place + length :]


CHANGES: list[tuple[str, Any]] = [
    ("do", "latest"),
    ("kind", "integer"),
    ("signals", [1, 2]),
    ("signals", None),
    ("start", 1),
    ("end", 1),
    ("scope.tenant", 3),
    ("scope.slug", "power"),
    ("scope.principal", "somebody else"),
    ("scope.permissions", ["ingest", "read", "read"]),
    ("scope.signals", [1, 2]),
    ("scope.signals", None),
    ("sizes", []),
    ("more", 1),
]


@pytest.mark.parametrize(("name", "value"), CHANGES)
@pytest.mark.parametrize("do", ["snapshot", "append"])
def test_nothing_under_a_seal_can_be_changed(
    pair: Pair, make_batch: Callable[..., SampleBatch], do: str, name: str, value: object
) -> None:
    pair.inside.append([(1, 0, 777_000.0)], tenant="power")
    scope = pair.inside.scopes["steel"].narrowed(frozenset({1}), frozenset(Permission))
    body = encode_batch(make_batch("numeric", [(1, 5, 5.0)])) if do == "append" else b""
    head = {"do": do, "scope": scope_told(scope), "sizes": [len(body)]} | READ

    def change(told: dict[str, Any]) -> None:
        *path, last = name.split(".")
        for step in path:
            told = told[step]
        told[last] = value

    connection, _, message = sealed(pair, head, body)
    with connection:
        try:
            connection.sendall(altered(message, change))
            assert connection.recv(1) == b""
        except ConnectionError:
            pass
    assert pair.inside.values(1) == []
    # The same message unchanged is answered, so it was the change that was refused.
    connection, channel, message = sealed(pair, head, body)
    with connection:
        connection.sendall(altered(message, lambda _: None))
        answer = channel.receive(limit=100_000, idle_s=BOUND_S, seconds=BOUND_S)
        assert answer is not None
        assert "error" not in answer.head


def ask(pair: Pair, scope: TenantScope, **head: object) -> set[int]:
    """Signals in the answer's rows."""
    lines = WriterLines(pair.inside.root)
    try:
        answer = lines.ask({"scope": scope_told(scope)} | READ | head, seconds=BOUND_S)
    finally:
        lines.close()
    tables = tables_of(answer.head.get("tables", []), answer.body)
    return {number for table in tables for number in table["signal"].to_pylist()}


def test_a_request_reaches_no_further_than_its_scope(pair: Pair) -> None:
    steel = pair.inside.scopes["steel"]
    narrow = steel.narrowed(frozenset({1}), frozenset(Permission))
    blind = steel.narrowed(frozenset({1}), frozenset({Permission.INGEST}))
    pair.inside.append([(s, 0, float(s)) for s in (1, 2)])
    for do in ("snapshot", "minutes", "latest", "broken"):
        window = {"start": 0, "end": 4 * 10**15, "do": do}
        with pytest.raises(AccessDenied, match="signal 2"):
            ask(pair, narrow, signals=[1, 2], **window)
        with pytest.raises(AccessDenied):
            ask(pair, blind, **window)
        seen = [ask(pair, scope, signals=None, **window) for scope in (narrow, steel)]
        assert seen == ([set(), set()] if do == "broken" else [{1}, {1, 2}])
    with pytest.raises(ValueError, match="no request"):
        ask(pair, steel, do="__class__")
    with pytest.raises(ValueError, match="window"):
        ask(pair, steel, do="minutes")


def test_who_may_not_append_is_refused_before_a_writer_is_asked(
    pair: Pair, make_batch: Callable[..., SampleBatch]
) -> None:
    steel, batch = pair.inside.scopes["steel"], make_batch("numeric", [(1, 0, 1.0)])
    pair.stop()
    with pytest.raises(AccessDenied):
        pair.outside.telemetry.append(steel.narrowed(None, frozenset({Permission.READ})), [batch])
    # Who may append gets as far as the writer.
    with pytest.raises(WriterAway):
        pair.outside.telemetry.append(steel, [batch])


def test_a_reader_cannot_talk_a_good_segment_away(pair: Pair) -> None:
    for tenant in ("steel", "power"):
        pair.inside.append([(1, 0, 1.0)], tenant=tenant)
    pair.inside.telemetry.seal()
    folder = pair.inside.root / "tenants"
    for path in folder.rglob("*.parquet"):
        told = path.relative_to(folder)
        for name in (str(told), f"../{told}", str(path), "/".join(told.parts[1:])):
            ask(pair, pair.inside.scopes["steel"], do="report", file=name)
    assert pair.outside.values(1) == [1.0]
    assert pair.inside.telemetry.state().problems == ()
    assert len(pair.outside.rows([1], tenant="power")) == 1


@pytest.mark.parametrize("sizes", [[5], [10**9], [-1], [0]])
def test_bytes_that_are_no_batches_are_refused(pair: Pair, sizes: list[int]) -> None:
    lines = WriterLines(pair.inside.root)
    head = {"do": "append", "scope": scope_told(pair.inside.scopes["steel"]), "sizes": sizes}
    try:
        with pytest.raises(CodecError):
            lines.ask(head, [b"no batch"], seconds=BOUND_S)
    finally:
        lines.close()
