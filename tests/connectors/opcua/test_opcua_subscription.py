"""What is acknowledged and when, holes in the numbers, and a server that falls silent."""

from __future__ import annotations

import asyncio
import errno
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.uaerrors import BadMessageNotAvailable

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.delivery import Counters
from tundish_connectors.opcua import OpcUaConnection, pump
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.decode import MIXED, Column
from tundish_connectors.opcua.intake import Intake
from tundish_connectors.opcua.items import Granted
from tundish_connectors.opcua.publish import Notification
from tundish_connectors.opcua.pulse import Pulse
from tundish_connectors.opcua.sequence import SequenceWatch
from tundish_connectors.opcua.subscription import Subscription
from tundish_connectors.opcua.survey import Desired
from tundish_connectors.opcua.times import TICKS_1970
from tundish_connectors.spool import Spool, SpoolFull
from tundish_platform.samples import SampleKind, SignalSpec, decode_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

START = 1_750_000_000_000_000


def data(sequence: int) -> Notification:
    """Message n carries the value n at START + n µs."""
    column = Column(
        np.zeros(1, np.uint32),
        np.zeros(1, np.uint32),
        np.array([(START + sequence) * 10 + TICKS_1970], np.int64),
        np.zeros(1, np.int64),
        [float(sequence)],
        MIXED,
    )
    return Notification(9, sequence, [column])


def body(*numbers: int) -> memoryview:
    """Data changes of slot 0 as a server sends them, with values and times as `data` has them."""
    items = [
        struct.pack("<IBBdq", 0, 0x05, 11, float(number), (START + number) * 10 + TICKS_1970)
        for number in numbers
    ]
    return memoryview(struct.pack("<i", len(items)) + b"".join(items) + struct.pack("<i", -1))


class Script:
    """A server's side of publishing: given messages in order, then silence; some can be repeated."""

    def __init__(self, messages: Sequence[Notification], repeatable: Sequence[int] = ()) -> None:
        self.messages = list(messages)
        self.repeatable = set(repeatable)
        self.acknowledged: list[tuple[int, int]] = []
        self.spooled_at_acknowledgement: list[int] = []
        self.spool: Spool | None = None

    async def publish_raw(self, acknowledge: Sequence[tuple[int, int]]) -> Notification:
        if acknowledge:
            self.acknowledged += acknowledge
            assert self.spool is not None
            self.spooled_at_acknowledgement.append(self.spool.last)
        if not self.messages:
            await asyncio.sleep(60)
        return self.messages.pop(0)

    async def republish_raw(self, subscription: int, sequence: int) -> Notification:
        assert subscription == 9
        if sequence not in self.repeatable:
            raise BadMessageNotAvailable
        return data(sequence)

    async def read(self, _: ua.ReadParameters) -> list[ua.DataValue]:
        """The line is dead, so that the pump ends."""
        raise TimeoutError

    async def create_subscription(
        self, _: ua.CreateSubscriptionParameters, __: Callable[..., object]
    ) -> ua.CreateSubscriptionResult:
        return ua.CreateSubscriptionResult(
            SubscriptionId=ua.IntegerId(9),
            RevisedPublishingInterval=ua.Duration(10.0),
            RevisedMaxKeepAliveCount=ua.Counter(2),
        )


class Bench:
    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool")
        self.intake = Intake(self.spool, Counters(), folder)
        spec = SignalSpec(path="a/b/c", name_zh="a", name_en="a", semantic="unclassified")
        self.intake.bind([Desired(spec, ua.NodeId(ua.Int32(1)))], {"a/b/c": 1})
        self.connection = OpcUaConnection(
            name="x", url="opc.tcp://127.0.0.1:1", state_dir=folder, publish_requests=1
        )

    def run(self, script: Script, queue: int = 1000) -> ConnectorError:
        """Pump until the script is silent for too long; returns the error that ends it."""
        script.spool = self.spool

        async def pump() -> None:
            pulse = Pulse(self.connection.keep_alive_s, Batching(10))
            subscription = Subscription(script, self.intake, self.connection, Batching(10), pulse)  # type: ignore[arg-type]
            await subscription.create()
            subscription.items.granted[0] = Granted(ua.NodeId(ua.Int32(1)), 1, 0.0, queue, filtered=True)
            subscription.items.shortest_queue = queue
            subscription.publishing.patience_s = 0.3
            await subscription.pump()

        with pytest.raises(ConnectorError) as caught:
            asyncio.run(pump())
        return caught.value

    def rows(self, kind: SampleKind) -> list[dict[str, Any]]:
        batches = [decode_batch(record.payload) for record in self.spool.read(10**9)]
        return [row for batch in batches if batch.kind is kind for row in batch.table.to_pylist()]

    def values(self) -> list[float]:
        return [row["value"] for row in self.rows(SampleKind.NUMERIC)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.spool.close()


def test_each_message_is_on_disk_before_it_is_acknowledged(bench: Bench) -> None:
    script = Script([data(1), data(2), data(3)])
    error = bench.run(script)
    assert error.kind is ErrorKind.RETRY
    assert script.acknowledged == [(9, 1), (9, 2), (9, 3)]
    assert script.spooled_at_acknowledgement == [1, 2, 3]
    assert bench.values() == [1.0, 2.0, 3.0]


def test_what_could_not_be_kept_is_not_acknowledged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    append = bench.spool.append
    calls = 0

    def refuse_second(payloads: Sequence[bytes]) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SpoolFull(errno.ENOSPC, "full")
        return append(payloads)

    monkeypatch.setattr(bench.spool, "append", refuse_second)
    script = Script([data(1), data(2), data(3)])
    bench.run(script)
    assert script.acknowledged == [(9, 1), (9, 3)]
    (gap,) = bench.rows(SampleKind.GAP)
    assert gap["reason"] == "spool_full"


def test_a_hole_is_filled_by_republishing(bench: Bench) -> None:
    script = Script([data(1), data(4), data(5)], repeatable=[2, 3])
    bench.run(script)
    assert bench.values() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert bench.rows(SampleKind.GAP) == []
    assert script.acknowledged == [(9, 1), (9, 2), (9, 3), (9, 4), (9, 5)]


def test_a_hole_that_cannot_be_filled_is_a_gap(bench: Bench) -> None:
    bench.run(Script([data(1), data(4)], repeatable=[3]))
    assert bench.values() == [1.0, 3.0, 4.0]
    (gap,) = bench.rows(SampleKind.GAP)
    assert gap["reason"] == "sequence"
    micros = [round(gap[edge].timestamp() * 1e6) - START for edge in ("ts", "end")]
    assert micros == [2, 3]


def test_a_lost_last_message_shows_in_the_keep_alive(bench: Bench) -> None:
    script = Script([data(1), Notification(9, 3, keep_alive=True)], repeatable=[2])
    bench.run(script)
    assert bench.values() == [1.0, 2.0]


def test_the_first_message_being_lost_is_noticed(bench: Bench) -> None:
    bench.run(Script([data(2)], repeatable=[1]))
    assert bench.values() == [1.0, 2.0]


def test_a_message_sent_twice_is_kept_once(bench: Bench) -> None:
    bench.run(Script([data(1), data(2), data(2)]))
    assert bench.values() == [1.0, 2.0]


def test_a_status_change_ends_the_subscription(bench: Bench) -> None:
    ended = Notification(9, 2, status_change=int(ua.status_codes.StatusCodes.BadTimeout))
    error = bench.run(Script([data(1), ended]))
    assert "BadTimeout" in error.message_en
    assert bench.values() == [1.0]


def test_what_the_spool_refused_is_asked_for_again_and_costs_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = bench.spool.append
    calls = 0

    def refuse_thrice(payloads: Sequence[bytes]) -> int:
        nonlocal calls
        calls += 1
        if calls in {2, 3, 4}:
            raise SpoolFull(errno.ENOSPC, "full")
        return append(payloads)

    monkeypatch.setattr(bench.spool, "append", refuse_thrice)
    monkeypatch.setattr(pump, "_PAUSE_S", 0.01)
    # A while after the first, so that a gap record between them would have a length.
    second = Notification(9, 2, data(50).columns)
    script = Script([data(1), second, Notification(9, 3, data(60).columns)])

    async def again(subscription: int, sequence: int) -> Notification:
        assert (subscription, sequence) == (9, 2)
        return second

    script.republish_raw = again  # type: ignore[method-assign]
    bench.run(script)
    # While the spool was full nothing was asked for: the third message was still at the server.
    assert calls == 6
    assert bench.values() == [1.0, 50.0, 60.0]
    assert bench.rows(SampleKind.GAP) == []
    assert script.acknowledged == [(9, 1), (9, 2), (9, 3)]


@pytest.mark.parametrize("wrong", [0, 1, 3])
def test_a_server_that_repeats_something_else_without_end_is_not_believed(bench: Bench, wrong: int) -> None:
    script = Script([data(1), data(3)])

    async def anything(subscription: int, sequence: int) -> Notification:
        del subscription, sequence
        return data(wrong) if wrong else Notification(0, 0, keep_alive=True)

    script.republish_raw = anything  # type: ignore[method-assign]
    bench.run(script)
    assert bench.values() == [1.0, 3.0]
    (gap,) = bench.rows(SampleKind.GAP)
    assert gap["reason"] == "sequence"


def test_numbers_roll_over_to_one() -> None:
    watch = SequenceWatch()
    watch.expected = 2**32 - 2
    assert watch.missing(2, keep_alive=False) == [2**32 - 2, 2**32 - 1, 1]
    assert watch.missing(3, keep_alive=True) == []
    assert watch.missing(3, keep_alive=False) == []
    assert watch.missing(2, keep_alive=False) is None


def test_as_many_values_as_the_queue_holds_may_be_an_overflow_without_its_bit(bench: Bench) -> None:
    messages = [data(1), Notification(9, 2, bodies=[body(5, 6, 7)]), Notification(9, 3, bodies=[body(8, 9)])]
    bench.run(Script(messages), queue=3)
    (gap,) = bench.rows(SampleKind.GAP)
    assert gap["reason"] == "overflow"
    assert bench.values() == [1.0, 5.0, 6.0, 7.0, 8.0, 9.0]
