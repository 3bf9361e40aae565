"""History from real servers: every value once and in order, whatever the server makes of pages."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from asyncua import Server, ua
from asyncua.ua.ua_binary import struct_to_binary
from asyncua.ua.uaerrors import UaError

from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.browse import browse_tree
from tundish_connectors.opcua.connector import leave
from tundish_connectors.opcua.decode import DecodeError
from tundish_connectors.opcua.history import has_history, read_raw
from tundish_connectors.opcua.history_values import values_of
from tundish_connectors.opcua.session import build_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tundish_connectors.opcua.session import RawSession

START = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=10)
COUNT = 95


def moment(at: int) -> datetime:
    return START + at * STEP


def stored() -> list[ua.DataValue]:
    """Doubles, some bad, a null and one text among them; three values share one time."""
    values: list[ua.DataValue] = []
    for at in range(COUNT):
        variant = ua.Variant(float(at), ua.VariantType.Double)
        if at == 20:
            variant = ua.Variant("stopped", ua.VariantType.String)
        status = ua.StatusCode(ua.UInt32(0x80310000 if at == 30 else 0))
        time = moment(41 if at in {40, 42} else at)
        values.append(ua.DataValue(variant, status, SourceTimestamp=time, ServerTimestamp=time))  # type: ignore[arg-type]  # asyncua's own time type is a datetime
    return values


async def serve(history: History, ready: threading.Event, stop: threading.Event) -> None:
    """A server with one variable that has history and one without."""
    server = Server()
    await server.init()
    server.set_endpoint(history.url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:tundish:test:history")
    kept = await server.nodes.objects.add_variable(index, "Kept", 0.0)
    plain = await server.nodes.objects.add_variable(index, "Plain", 0.0)
    history.kept, history.plain = kept.nodeid, plain.nodeid
    async with server:
        await server.historize_node_data_change(kept, period=None, count=0)
        history.storage = server.iserver.history_manager.storage
        history.storage._datachanges[kept.nodeid][:] = stored()
        ready.set()
        await asyncio.to_thread(stop.wait)


@dataclass
class History:
    url: str
    kept: ua.NodeId = field(default_factory=ua.NodeId)
    plain: ua.NodeId = field(default_factory=ua.NodeId)
    storage: Any = None

    def use(self, work: Callable[[RawSession], Awaitable[None]], page: int = 10_000) -> None:
        """Let work be done with a session; the server answers with at most so many values."""

        async def connected() -> None:
            client, session = build_client(self.url, "urn:tundish:test", 20)
            await client.connect()
            try:
                await work(session)
            finally:
                await leave(client)

        if self.storage is not None:
            self.storage.max_history_data_response_size = page
        asyncio.run(connected())


@pytest.fixture(scope="module")
def history() -> Iterator[History]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        served = History(f"opc.tcp://127.0.0.1:{probe.getsockname()[1]}/")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(served, ready, stop)))
    thread.start()
    assert ready.wait(60)
    yield served
    stop.set()
    thread.join()


async def read_all(session: RawSession, node: ua.NodeId, page_values: int, end: int = COUNT) -> list[Any]:
    rows: list[Any] = []
    async with aclosing(
        read_raw(session, node, START, moment(end), slot=7, page_values=page_values)
    ) as pages:
        async for columns in pages:
            for column in columns:
                assert set(column.handles.tolist()) == {7}
                values = column.values if isinstance(column.values, list) else column.values.tolist()
                rows += zip(values, column.status.tolist(), column.source.tolist(), strict=True)
    return rows


def expected(end: int = COUNT) -> list[Any]:
    return [
        (one.Value.Value, one.StatusCode.value, ua.datetime_to_win_epoch(one.SourceTimestamp))  # type: ignore[union-attr, arg-type]  # every stored value has them
        for one in stored()
        if one.SourceTimestamp < moment(end)  # type: ignore[operator]  # as above
    ]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("server_page", "client_page"),
    [(10_000, 1000), (10, 1000), (10_000, 10), (10, 7), (10_000, 1), (10_000, 0), (10, 0)],
)
def test_every_value_comes_once_and_in_order(server_page: int, client_page: int, history: History) -> None:
    """With a page of one, three values of one time are more than a page holds."""

    async def work(session: RawSession) -> None:
        assert await read_all(session, history.kept, client_page) == expected()

    history.use(work, server_page)


@pytest.mark.integration
def test_the_end_is_left_out_and_access_is_known(history: History) -> None:
    async def work(session: RawSession) -> None:
        assert await read_all(session, history.kept, 1000, end=60) == expected(60)
        assert await read_all(session, history.kept, 20, end=60) == expected(60)
        assert await read_all(session, history.kept, 20, end=0) == []
        assert await has_history(session, Batching(1), [history.kept, history.plain]) == [True, False]

    history.use(work)


@pytest.mark.integration
def test_leaving_early_gives_the_continuation_back(history: History) -> None:
    async def work(session: RawSession) -> None:
        sent: list[bool] = []
        answer = session.answer

        async def watched(request: Any) -> bytes:  # noqa: ANN401 - any request
            sent.append(request.Parameters.ReleaseContinuationPoints)
            return await answer(request)

        session.answer = watched  # type: ignore[method-assign]  # the test listens in
        async with aclosing(read_raw(session, history.kept, START, moment(COUNT), page_values=1000)) as pages:
            async for columns in pages:
                assert columns
                break
        assert sent == [False, True]

    history.use(work, 10)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["python-opcua", "node-opcua"])
def test_servers_without_history_refuse_or_have_nothing(kind: str, start_peer: Callable[..., Any]) -> None:
    async def work(session: RawSession) -> None:
        tree = await browse_tree(session, Batching(100), 1000)
        (node,) = [one.node_id for one in tree.variables if one.path.endswith("Machine/Counter0")]
        assert await has_history(session, Batching(10), [node]) == [False]
        try:
            rows = await read_all(session, node, 100)
        except UaError:
            rows = []
        assert rows == []

    History(f"opc.tcp://127.0.0.1:{start_peer(kind).port}/").use(work)


@pytest.fixture
def body() -> bytes:
    history = ua.HistoryData()
    history.DataValues = stored()
    return struct_to_binary(history)


def test_values_equal_asyncuas_own_decoder(body: bytes) -> None:
    columns = values_of(body, 3)
    assert [len(column.handles) for column in columns] == [20, 1, 74]
    values = [value for column in columns for value in list(column.values)]
    assert values == [one.Value.Value for one in stored()]  # type: ignore[union-attr]  # all have one
    assert np.concatenate([column.status for column in columns])[30] == 0x80310000


def test_torn_bytes_are_refused(body: bytes) -> None:
    for cut in range(4, len(body), 37):
        with pytest.raises(DecodeError):
            values_of(body[:cut], 3)


def test_a_null_array_and_values_without_anything() -> None:
    assert values_of(struct.pack("<i", -1), 1) == []
    (column,) = values_of(struct.pack("<iBB", 2, 0, 0), 1)
    assert column.values == [None, None]
