from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import nats.errors
import pytest
from nats.js import JetStreamContext

from tundish_platform.store.log import envelope
from tundish_platform.store.log.frontier import Frontier
from tundish_platform.store.log.interface import StoreFailed
from tundish_platform.store.log.jetstream import JetStreamLog
from tundish_platform.store.log.partitions import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nats.js.api import PubAck

    from tundish_platform.store.log.link import NatsLink
    from tundish_platform.store.log.records import LogRecord


@pytest.mark.integration
def test_a_follower_is_handed_what_all_processes_append_as_it_comes(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    one, other, follower = (JetStreamLog(new_link(), partition) for _ in range(3))
    one.append(1, [b"before"])
    found: list[bytes] = []
    seen = threading.Event()

    def follow() -> None:
        for record in follower.follow(0):
            found.append(record.payload)
            if len(found) == 21:
                seen.set()

    thread = threading.Thread(target=follow)
    thread.start()
    for turn in range(10):
        one.append(1, [b"one %d" % turn])
        other.append(2, [b"other %d" % turn])
    assert seen.wait(60)
    follower.close()
    thread.join(60)
    wanted = [b"%s %d" % (name, turn) for turn in range(10) for name in (b"one", b"other")]
    assert found == [b"before", *wanted]


@pytest.mark.integration
def test_following_begins_at_any_record(new_link: Callable[[], NatsLink], partition: int) -> None:
    log = JetStreamLog(new_link(), partition)
    given = [n for turn in range(5) for n in log.append(1, [b"%d" % turn] * 3)]
    for at in range(len(given)):
        wanted = given[at:]
        records = islice(log.follow(given[at], wait_s=60), len(wanted))
        assert [record.sequence for record in records] == wanted


@pytest.mark.integration
def test_release_stops_below_what_this_process_was_not_handed(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    ours, theirs = (JetStreamLog(new_link(), partition) for _ in range(2))
    theirs.append(1, [b"not seen yet"])
    ours.append(2, [b"own"])
    ours.release(ours.next_sequence)
    assert [record.payload for record in theirs.replay()] == [b"not seen yet", b"own"]
    handed = list(islice(ours.follow(0, wait_s=60), 2))
    assert [record.payload for record in handed] == [b"not seen yet", b"own"]
    ours.release(ours.next_sequence)
    assert list(theirs.replay()) == []


@pytest.mark.integration
def test_a_hole_in_the_log_is_named_and_a_released_stretch_is_not(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    link = new_link()
    log = JetStreamLog(link, partition)
    given = [n for turn in range(9) for n in log.append(1, [b"%d" % turn])]
    log.release(given[3])
    link.run(link.streams.delete_msg(log.stream, given[5] // envelope.SLOTS))
    found = [record.payload for record in log.replay()]
    assert found == [b"3", b"4", b"6", b"7", b"8"]
    assert len(log.problems) == 1
    assert "messages 6 to 6" in log.problems[0]


@pytest.mark.integration
def test_a_foreign_message_is_named_and_the_rest_kept(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    link = new_link()
    log = JetStreamLog(link, partition)
    log.append(1, [b"a"])
    link.run(link.streams.publish(f"tundish.log.{partition}", b"who is this?"))
    log.append(1, [b"b"])
    assert [record.payload for record in log.replay()] == [b"a", b"b"]
    assert "message 2" in log.problems[0]


@pytest.mark.integration
def test_a_log_goes_on_above_the_numbers_of_the_log_before_it(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    log = JetStreamLog(new_link(), partition, first_sequence=5_000_000)
    assert log.append(1, [b"a"])[0] >= 5_000_000


@pytest.mark.integration
def test_a_message_whose_answer_was_lost_is_sent_again_and_stored_once(
    new_link: Callable[[], NatsLink], partition: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = JetStreamLog(new_link(), partition)
    publish = JetStreamContext.publish
    lost = []

    async def publish_and_lose(self: JetStreamContext, *what: Any, **how: Any) -> PubAck:  # noqa: ANN401 - any
        answer = await publish(self, *what, **how)
        if len(lost) < 3:
            lost.append(answer.seq)
            raise nats.errors.TimeoutError
        return answer

    monkeypatch.setattr(JetStreamContext, "publish", publish_and_lose)
    (sequence,) = log.append(1, [b"once"])
    assert len(lost) == 3
    assert [(r.sequence, r.payload) for r in log.replay()] == [(sequence, b"once")]


@pytest.mark.integration
def test_own_and_foreign_records_are_handed_over_once_in_the_order_of_the_log(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    ours, theirs = (JetStreamLog(new_link(), partition) for _ in range(2))
    theirs.append(9, [b"before"])
    assert len(list(ours.replay())) == 1
    told: list[tuple[str, int]] = []
    handed: list[int] = []
    ours.deliver(lambda record: told.append(("theirs", record.sequence)))

    def taken(sequences: Sequence[int]) -> None:
        handed.append(ours.next_sequence)
        told.extend(("ours", sequence) for sequence in sequences)

    def append(log: JetStreamLog, tenant: int) -> list[int]:
        how = taken if log is ours else None
        return [n for turn in range(20) for n in log.append(tenant, [b"%d" % turn] * 2, how)]

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(append, [ours, theirs] * 4, range(8)))
    ours.refresh()
    numbers = [n for _, n in told]
    assert numbers == sorted(n for numbers in given for n in numbers)
    assert {n for whose, n in told if whose == "ours"} == {n for numbers in given[::2] for n in numbers}
    # Nothing may be released that was not handed over.
    firsts = [n for whose, n in told if whose == "ours"][::2]
    assert all(limit <= first for limit, first in zip(handed, firsts, strict=True))
    ours.close()


@pytest.mark.integration
def test_a_receiver_that_fails_stops_the_log(new_link: Callable[[], NatsLink], partition: int) -> None:
    ours, theirs = (JetStreamLog(new_link(), partition) for _ in range(2))

    def refuse(record: LogRecord) -> None:
        raise RuntimeError(f"no place for {record.sequence}")

    ours.deliver(refuse)
    theirs.append(1, [b"a"])
    with pytest.raises(StoreFailed, match="no place for"):
        ours.append(1, [b"b"], lambda _: None)
    assert ours.failed is not None
    assert [record.payload for record in theirs.replay()] == [b"a", b"b"]
    ours.close()


@pytest.mark.integration
def test_a_log_that_no_writer_has_made_is_waited_for(
    new_link: Callable[[], NatsLink], partition: int
) -> None:
    with pytest.raises(StoreFailed, match="cannot be opened"):
        JetStreamLog(new_link(), partition, first_sequence=None, patience_s=0.5)


def test_a_message_that_is_not_whole_is_no_message() -> None:
    batches = [(7, b"abc"), (8, b""), (4_000_000_000, b"d" * 100)]
    data = envelope.pack(batches)
    assert list(envelope.unpack(data)) == batches
    assert list(envelope.unpack(envelope.pack([]))) == []
    for end in range(len(data)):
        with pytest.raises(envelope.DamagedEnvelope):
            list(envelope.unpack(data[:end]))
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(envelope.DamagedEnvelope):
            list(envelope.unpack(bytes(damaged)))


def test_a_frontier_stands_before_the_first_hole() -> None:
    frontier = Frontier(4)
    for number, last in ((6, 4), (7, 4), (2, 4), (5, 7), (9, 7), (8, 9), (8, 9)):
        frontier.saw(number)
        assert frontier.last == last


def test_a_tenants_partition_never_changes() -> None:
    assert [partition_of(tenant, 16) for tenant in (1, 2, 3, 30_000, 2**32 - 1)] == [3, 11, 10, 9, 3]
    counts = [0] * 16
    for tenant in range(1, 30_001):
        counts[partition_of(tenant, 16)] += 1
    assert min(counts) > 0.9 * 30_000 / 16
    assert max(counts) < 1.1 * 30_000 / 16
