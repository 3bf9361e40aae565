from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.log.interface import StoreFailed, StoreFull

if TYPE_CHECKING:
    from tundish_platform.store.log.interface import Log
    from tundish_platform.store.testing.places import LogPlace

# Logs that cannot tell a batch that came twice, and why that is well.
WITHOUT_IDS = {"FileLog": "the one process that appends to it knows what it was told"}


def kept(log: Log) -> list[tuple[int, int, bytes]]:
    return [(record.sequence, record.tenant, record.payload) for record in log.replay()]


def payloads(log: Log) -> list[bytes]:
    return [payload for _, _, payload in kept(log)]


def test_records_come_back_in_order_after_opening_again(log_place: LogPlace) -> None:
    log = log_place.open()
    first = log.append(1, [b"a", b""])
    second = log.append(2, [b"b" * 5000])
    wanted = [(first[0], 1, b"a"), (first[1], 1, b""), (second[0], 2, b"b" * 5000)]
    assert kept(log) == wanted
    again = log_place.open()
    assert kept(again) == wanted
    assert not again.problems


def test_sequences_rise_over_all_tenants_and_openings(log_place: LogPlace) -> None:
    given: list[int] = []
    for turn in range(3):
        log = log_place.open()
        for tenant in range(4):
            assert log.next_sequence > max(given, default=0)
            given += log.append(tenant, [b"%d" % turn] * 3)
    assert all(low < high for low, high in pairwise(given))
    assert [sequence for sequence, _, _ in kept(log)] == given


def test_nothing_to_append_is_no_mistake(log_place: LogPlace) -> None:
    log = log_place.open()
    assert list(log.append(1, [])) == []
    assert payloads(log) == []


def test_concurrent_appenders_each_keep_their_order(log_place: LogPlace) -> None:
    log = log_place.open()

    def append(tenant: int) -> list[int]:
        return [n for turn in range(15) for n in log.append(tenant, [b"%d" % turn, b"%d+" % turn])]

    with ThreadPoolExecutor(12) as pool:
        given = list(pool.map(append, range(12)))
    records = kept(log)
    assert [record[0] for record in records] == sorted(n for numbers in given for n in numbers)
    for tenant, numbers in enumerate(given):
        own = [(n, payload) for n, found, payload in records if found == tenant]
        assert [n for n, _ in own] == numbers
        assert [payload for _, payload in own] == [b"%d%s" % (t, s) for t in range(15) for s in (b"", b"+")]


def test_the_batches_of_one_append_lie_together(log_place: LogPlace) -> None:
    log = log_place.open()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda tenant: log.append(tenant, [b"x"] * 3), range(40)))
    tenants = [tenant for _, tenant, _ in kept(log)]
    assert all(len(set(tenants[at : at + 3])) == 1 for at in range(0, len(tenants), 3))


def test_release_keeps_what_is_needed_and_frees_the_rest(log_place: LogPlace) -> None:
    log = log_place.open()
    given = [n for turn in range(30) for n in log.append(1, [b"%d" % turn * 400])]
    log.release(given[20])
    assert {n for n, _, _ in kept(log)} >= set(given[20:])
    assert len(kept(log)) < 30
    log.release(log.next_sequence)
    assert kept(log) == []
    (after,) = log.append(1, [b"after"])
    assert after > given[-1]
    assert payloads(log) == [b"after"]


def test_a_released_log_gives_no_number_twice(log_place: LogPlace) -> None:
    log = log_place.open()
    before = log.append(1, [b"x"] * 3)
    following = log.next_sequence
    log.release(following)
    log.close()
    # A file log is told by the manifest where to go on; a stream knows by itself.
    again = log_place.open()
    if log_place.name != "FileLog":
        assert again.append(1, [b"y"])[0] > max(before)


def test_what_is_too_large_is_refused_by_name_and_nothing_of_it_kept(log_place: LogPlace) -> None:
    log = log_place.open()
    with pytest.raises(ValueError, match=r"bytes.*in parts"):
        log.append(1, [b"small", bytes(log_place.too_large)])
    assert payloads(log) == []
    log.append(1, [b"next"])
    assert payloads(log) == [b"next"]


def test_a_full_log_says_so_and_goes_on_by_itself(log_place: LogPlace) -> None:
    log = log_place.open()
    log.append(1, [b"before"])
    with log_place.full():
        for _ in range(2):
            with pytest.raises(StoreFull):
                log.append(1, [b"no room" * 100])
        assert payloads(log) == [b"before"]
        assert log.failed is None
    log.append(1, [b"after"])
    assert payloads(log) == [b"before", b"after"]
    assert payloads(log_place.open()) == [b"before", b"after"]


def test_what_could_not_be_made_durable_is_never_acknowledged(log_place: LogPlace) -> None:
    log = log_place.open()
    log.append(1, [b"safe"])
    with log_place.broken():
        with pytest.raises(StoreFailed):
            log.append(1, [b"unsure"])
        assert log.failed is not None
    # Where the servers come back, they may take a while to agree again.
    again = log_place.open()
    again.append(1, [b"after"])
    found = payloads(again)
    assert [payload for payload in found if payload != b"unsure"] == [b"safe", b"after"]
    assert found.count(b"unsure") <= 1
    assert again.failed is None


def test_a_closed_log_takes_nothing(log_place: LogPlace) -> None:
    log = log_place.open()
    log.append(1, [b"x"])
    log.close()
    assert log.failed is not None
    with pytest.raises(StoreFailed):
        log.append(1, [b"y"])
    assert payloads(log_place.open()) == [b"x"]


def test_a_batch_that_comes_again_under_its_id_is_stored_once(log_place: LogPlace) -> None:
    log = log_place.open()
    knows = "message_id" in inspect.signature(log.append).parameters
    assert knows != (log_place.name in WITHOUT_IDS)
    if not knows:
        return
    first = log.append(1, [b"a", b"b"], message_id="upload-7")
    log.append(1, [b"between"])
    assert log.append(1, [b"a", b"b"], message_id="upload-7") == first
    assert log_place.open().append(1, [b"a", b"b"], message_id="upload-7") == first
    assert payloads(log) == [b"a", b"b", b"between"]
    # Without an id nobody can know that it is the same.
    log = log_place.open()
    log.append(1, [b"c"])
    log.append(1, [b"c"])
    assert payloads(log)[3:] == [b"c", b"c"]


def test_what_is_taken_is_told_in_the_order_of_the_log_before_append_returns(log_place: LogPlace) -> None:
    log = log_place.open()
    log.append(1, [b"before"])
    list(log.replay())
    log.deliver(lambda record: told.append(record.sequence))
    told: list[int] = []

    def append(tenant: int) -> list[int]:
        given: list[int] = []
        for turn in range(15):
            given += log.append(tenant, [b"%d" % turn, b"%d+" % turn], told.extend)
            assert given[-1] in told
        return given

    with ThreadPoolExecutor(8) as pool:
        given = [n for numbers in pool.map(append, range(8)) for n in numbers]
    assert told == sorted(given)
