"""From columns to the spool: kinds, times, statuses, and every reason for a gap record."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from asyncua import ua

from tundish_connectors.collect.thinning import ThinRule
from tundish_connectors.delivery import Counters
from tundish_connectors.opcua.decode import MIXED, Column
from tundish_connectors.opcua.intake import Intake, now_us
from tundish_connectors.opcua.publish import Notification
from tundish_connectors.opcua.silence import SilenceWatch
from tundish_connectors.opcua.survey import Desired
from tundish_connectors.opcua.times import TICKS_1970, resolve_times
from tundish_connectors.spool import Spool, SpoolFull
from tundish_platform.samples import GapReason, SampleKind, SignalRole, SignalSpec, decode_batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 1_750_000_000_000_000
KINDS = {
    "number": SampleKind.NUMERIC,
    "whole": SampleKind.INTEGER,
    "text": SampleKind.TEXT,
    "array": SampleKind.ARRAY,
}


def spec(path: str, kind: SampleKind = SampleKind.NUMERIC, **more: object) -> SignalSpec:
    fields = {"name_zh": path, "name_en": path, "semantic": "unclassified", "kind": kind, **more}
    return SignalSpec.model_validate({"path": path, **fields})


def ticks(micros: int) -> int:
    return micros * 10 + TICKS_1970


def notification(*rows: tuple[int, object, int, int]) -> Notification:
    """From (slot, value, source µs, status)."""
    column = Column(
        np.array([row[0] for row in rows], np.uint32),
        np.array([row[3] for row in rows], np.uint32),
        np.array([ticks(row[2]) for row in rows], np.int64),
        np.zeros(len(rows), np.int64),
        [row[1] for row in rows],
        MIXED,
    )
    return Notification(1, 1, [column])


class Setup:
    """An intake over a real spool; may be built anew on the same folder, as after a kill."""

    def __init__(self, folder: Path, *thin: ThinRule) -> None:
        self.folder = folder
        self.thin = thin
        self.reopen()

    def reopen(self) -> None:
        self.spool = Spool(self.folder / "spool")
        self.counters = Counters()
        self.intake = Intake(self.spool, self.counters, self.folder, self.thin)

    def bind(self, *specs: SignalSpec) -> None:
        desired = [Desired(one, ua.NodeId(ua.Int32(at))) for at, one in enumerate(specs)]
        self.intake.bind(desired, {one.path: 100 + at for at, one in enumerate(specs)})

    def keep(self, *rows: tuple[int, object, int, int]) -> bool:
        self.intake.take(notification(*rows))
        return self.intake.flush()

    def rows(self, kind: SampleKind) -> list[dict[str, Any]]:
        batches = [decode_batch(record.payload) for record in self.spool.read(10**9, limit=10**6)]
        found = [row for batch in batches if batch.kind is kind for row in batch.table.to_pylist()]
        for row in found:
            row["ts"] = round(row["ts"].timestamp() * 1e6) - START
            if "end" in row:
                row["end"] = round(row["end"].timestamp() * 1e6) - START
        return found

    def gaps(self) -> list[tuple[int, int, int, str]]:
        return [(row["signal"], row["ts"], row["end"], row["reason"]) for row in self.rows(SampleKind.GAP)]


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.spool.close()


def test_each_kind_travels_without_loss(setup: Setup) -> None:
    setup.bind(*(spec(path, kind) for path, kind in KINDS.items()))
    assert setup.keep(
        (0, 1.25, START, 0),
        (0, True, START + 1, 0),
        (1, 2**62 + 1, START, 0),
        (2, ua.LocalizedText("运行"), START, 0),
        (2, "Idle", START + 1, 0),
        (3, [1, 2.5], START, 0),
    )
    assert [row["value"] for row in setup.rows(SampleKind.NUMERIC)] == [1.25, 1.0]
    assert [row["value"] for row in setup.rows(SampleKind.INTEGER)] == [2**62 + 1]
    assert [row["value"] for row in setup.rows(SampleKind.TEXT)] == ["运行", "Idle"]
    assert [row["value"] for row in setup.rows(SampleKind.ARRAY)] == [[1.0, 2.5]]
    assert {row["signal"] for row in setup.rows(SampleKind.TEXT)} == {102}


def test_a_bad_status_without_value_stays_a_null_with_its_status(setup: Setup) -> None:
    setup.bind(spec("number"))
    setup.keep((0, None, START, 0x80310000), (0, 3.0, START + 1, 0x40000000))
    rows = setup.rows(SampleKind.NUMERIC)
    assert [(row["value"], row["status"]) for row in rows] == [(None, 0x80310000), (3.0, 0x40000000)]


def test_values_that_do_not_fit_become_nulls_that_say_so(setup: Setup) -> None:
    setup.bind(spec("number"), spec("whole", SampleKind.INTEGER))
    setup.keep((0, "text", START, 0), (1, 2**63, START, 0), (0, 2**53 + 1, START + 1, 0))
    assert [(row["value"], row["status"]) for row in setup.rows(SampleKind.NUMERIC)] == [
        (None, 0x80740000),
        (None, 0x803C0000),
    ]
    assert [(row["value"], row["status"]) for row in setup.rows(SampleKind.INTEGER)] == [(None, 0x803C0000)]
    assert setup.intake.oddities == {"unfit_values": 3}


def test_absent_and_absurd_times() -> None:
    source = np.array([ticks(START), 0, 2**63 - 1, -(2**63), 0, 1], np.int64)
    server = np.array([0, ticks(START + 5), ticks(START + 6), 0, 2**63 - 1, 0], np.int64)
    times, replaced = resolve_times(source, server, 77)
    assert times.tolist() == [START, START + 5, START + 6, 77, 77, (1 - TICKS_1970) // 10]
    assert replaced == 4


def test_a_time_far_ahead_does_not_make_others_late(setup: Setup) -> None:
    setup.bind(spec("number", period_s=1.0), spec("other", period_s=1.0))
    far = 250_000_000_000_000_000
    setup.keep((0, 1.0, START, 0), (1, 1.0, START, 0), (0, 2.0, far, 0))
    assert len(setup.rows(SampleKind.NUMERIC)) == 3
    assert setup.intake.tracker.newest == START


def test_a_disconnection_is_recorded_from_the_last_to_the_next_sample(setup: Setup) -> None:
    setup.bind(spec("a"), spec("b"))
    setup.keep((0, 1.0, START, 0), (1, 1.0, START, 0))
    setup.intake.tracker.mark(GapReason.DISCONNECTED)
    setup.keep((0, 2.0, START + 900, 0), (0, 3.0, START + 950, 0), (1, 1.0, START, 0))
    assert setup.gaps() == [(100, 1, 900, "disconnected")]


def test_a_held_state_is_unknown_only_since_the_loss(setup: Setup) -> None:
    setup.bind(spec("a", period_s=1.0), spec("state", SampleKind.TEXT, role=SignalRole.STATE, step=True))
    hour = 3_600_000_000
    setup.keep((1, "Run", START, 0), (0, 1.0, START + hour, 0))
    setup.intake.tracker.mark(GapReason.DISCONNECTED)
    setup.keep((1, "Idle", START + 2 * hour, 0))
    assert setup.gaps() == [(101, hour - 60_000_000, 2 * hour, "disconnected")]


def test_an_overflow_bit_is_recorded(setup: Setup) -> None:
    setup.bind(spec("a"))
    setup.keep((0, 1.0, START, 0), (0, 2.0, START + 50, 0x480), (0, 3.0, START + 60, 0))
    assert setup.gaps() == [(100, 1, 50, "overflow")]


def test_a_restart_goes_on_from_spool_and_checkpoint(setup: Setup) -> None:
    setup.bind(spec("a"))
    setup.keep((0, 1.0, START, 0))
    setup.intake.save()
    setup.keep((0, 2.0, START + 10, 0))
    setup.spool.close()
    setup.reopen()
    setup.bind(spec("a"))
    setup.keep((0, 9.0, START + 500, 0))
    assert setup.gaps() == [(100, 11, 500, "collector_stopped")]


def test_a_full_spool_refuses_and_is_recorded_once_there_is_room(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.bind(spec("a"))
    assert setup.keep((0, 1.0, START, 0))

    def refuse(_: object) -> int:
        raise SpoolFull(errno.ENOSPC, "full")

    with monkeypatch.context() as full:
        full.setattr(setup.spool, "append", refuse)
        assert not setup.keep((0, 2.0, START + 10, 0))
        assert not setup.keep((0, 3.0, START + 20, 0))
    assert setup.counters.as_dict()["dropped"] == 2
    assert setup.keep((0, 4.0, START + 30, 0))
    assert setup.gaps() == [(100, 1, 30, "spool_full")]
    assert [row["ts"] for row in setup.rows(SampleKind.NUMERIC)] == [0, 30]


def test_silence_is_noticed_recorded_growing_and_ended(setup: Setup) -> None:
    setup.bind(spec("a", period_s=1.0), spec("b", period_s=1.0), spec("c"))
    second = 1_000_000
    both = np.array([0, 1, 2])
    clock = iter(range(1000))
    watch = SilenceWatch(setup.intake.table, setup.intake.tracker, 0.1, lambda: float(next(clock)))
    setup.keep((0, 1.0, START, 0), (1, 1.0, START, 0), (2, 1.0, START, 0))
    for at in range(1, 11):
        setup.keep((0, 1.0, START + at * second, 0))
        assert watch.silent(both).tolist() == []
    setup.keep((0, 1.0, START + 11 * second, 0))
    assert watch.silent(both).tolist() == [1]
    setup.intake.tracker.record_silence(watch.silent(both))
    setup.intake.flush()
    setup.keep((0, 1.0, START + 20 * second, 0))
    setup.intake.tracker.record_silence(watch.silent(both))
    setup.intake.flush()
    setup.keep((1, 2.0, START + 21 * second, 0))
    assert watch.silent(both).tolist() == []
    assert setup.gaps() == [
        (101, 1, 11 * second, "silent"),
        (101, 1, 20 * second, "silent"),
        (101, 1, 21 * second, "silent"),
    ]


def test_what_a_clock_that_was_set_on_skipped_is_nobodys_silence(setup: Setup) -> None:
    setup.bind(spec("quick", period_s=1.0), spec("slow", period_s=60.0), spec("dead", period_s=60.0))
    second, hour = 1_000_000, 3_600_000_000
    every, clock = np.array([0, 1, 2]), iter(range(1000))
    watch = SilenceWatch(setup.intake.table, setup.intake.tracker, 0.1, lambda: float(next(clock)))
    setup.keep(*((slot, 1.0, START, 0) for slot in (0, 1, 2)))
    watch.clock(0.0)
    setup.keep((0, 2.0, START + hour, 0))
    assert watch.silent(every).tolist() == [1, 2], "as it looks before the clock is asked"
    watch.clock(3600.0)
    assert watch.silent(every).tolist() == []
    setup.keep((1, 2.0, START + hour + 30 * second, 0))
    for at in (200, 400, 601):
        setup.keep((0, 3.0, START + hour + at * second, 0), (1, 3.0, START + hour + at * second, 0))
        watch.clock(0.0)
        assert watch.silent(every).tolist() == ([2] if at > 600 else [])


def test_a_server_with_two_clocks_does_not_make_the_slower_one_silent(setup: Setup) -> None:
    setup.bind(spec("a", period_s=1.0), spec("diagnostics"))
    watch = SilenceWatch(setup.intake.table, setup.intake.tracker, 0.1)
    setup.keep((0, 1.0, START, 0), (1, 1.0, START + 3_600_000_000, 0))
    assert watch.silent(np.array([0, 1])).tolist() == []
    assert setup.intake.tracker.newest == START


def raw(*rows: tuple[int, float, int, int]) -> memoryview:
    """The bytes of a notification from (slot, value, source µs, status)."""
    items = (
        struct.pack("<IBBdIq", slot, 0x07, 11, value, status, ticks(micros))
        if status
        else struct.pack("<IBBdq", slot, 0x05, 11, value, ticks(micros))
        for slot, value, micros, status in rows
    )
    return memoryview(struct.pack("<i", len(rows)) + b"".join(items) + struct.pack("<i", -1))


def test_many_notifications_are_one_record_in_the_order_of_the_server(setup: Setup) -> None:
    setup.bind(spec("a"), spec("b"))
    for at in range(40):
        # Layouts alternate, and equal times are told apart by their order alone.
        setup.intake.take(
            Notification(1, at + 1, bodies=[raw((0, at, START + at // 2, 0x40000000 * (at % 2)))])
        )
    assert setup.intake.flush()
    assert setup.spool.last == 1
    rows = setup.rows(SampleKind.NUMERIC)
    assert [row["value"] for row in rows] == [float(at) for at in range(40)]
    assert [row["status"] for row in rows] == [0x40000000 * (at % 2) for at in range(40)]


def test_an_overflow_begins_at_the_sample_before_it_whatever_their_layouts(setup: Setup) -> None:
    setup.bind(spec("a"))
    setup.intake.take(
        Notification(
            1, 1, bodies=[raw((0, 1.0, START, 0), (0, 2.0, START + 50, 0x480), (0, 3.0, START + 60, 0))]
        )
    )
    assert setup.intake.flush()
    assert setup.gaps() == [(100, 1, 50, "overflow")]


def test_a_notification_that_cannot_be_read_is_a_gap_and_costs_no_other(setup: Setup) -> None:
    setup.bind(spec("a"))
    torn = raw((0, 2.0, START + 10, 0))[:-8]
    bodies = [raw((0, 1.0, START, 0)), torn, raw((0, 3.0, START + 20, 0))]
    setup.intake.take(Notification(1, 1, bodies=bodies))
    assert setup.intake.flush()
    assert [row["value"] for row in setup.rows(SampleKind.NUMERIC)] == [1.0, 3.0]
    assert setup.gaps() == [(100, 1, 20, "sequence")]


def test_a_mark_lies_behind_what_was_taken_before_it(setup: Setup) -> None:
    setup.bind(spec("a"))
    setup.intake.take(Notification(1, 1, bodies=[raw((0, 1.0, START, 0))]))
    setup.intake.tracker.mark(GapReason.SEQUENCE)
    setup.intake.take(Notification(1, 3, bodies=[raw((0, 3.0, START + 20, 0))]))
    assert setup.intake.flush()
    assert setup.gaps() == [(100, 1, 20, "sequence")]


def test_the_checkpoint_never_runs_ahead_of_the_spool(setup: Setup) -> None:
    setup.bind(spec("a"))
    setup.keep((0, 1.0, START, 0))
    setup.intake.take(Notification(1, 2, bodies=[raw((0, 2.0, START + 10, 0))]))
    # Decoded, but not written when the process ends.
    assert setup.intake.tracker.newest == START + 10
    setup.intake.save()
    setup.spool.close()
    setup.reopen()
    setup.bind(spec("a"))
    setup.keep((0, 9.0, START + 500, 0))
    assert setup.gaps() == [(100, 1, 500, "collector_stopped")]


def test_an_unknown_handle_is_left_out_and_counted(setup: Setup) -> None:
    setup.bind(spec("a"))
    setup.keep((0, 1.0, START, 0), (7, 1.0, START, 0))
    assert len(setup.rows(SampleKind.NUMERIC)) == 1
    assert setup.intake.oddities == {"unknown_handles": 1}


def test_a_server_that_has_no_value_yet_sends_no_sample(setup: Setup) -> None:
    setup.bind(spec("a"), spec("b"))
    waiting = 0x80320000
    setup.keep((0, None, -(TICKS_1970 // 10), waiting), (1, None, START, waiting))
    (row,) = setup.rows(SampleKind.NUMERIC)
    assert row["signal"] == 101, "with a source time it is a bad sample like any other"
    assert setup.intake.oddities == {"not_yet_sampled": 1}


def test_arrival_is_now(setup: Setup) -> None:
    setup.bind(spec("a"))
    before = now_us()
    setup.keep((0, 1.0, START, 0))
    (record,) = setup.spool.read(10**6)
    assert before <= decode_batch(record.payload).arrival.timestamp() * 1e6 <= now_us() + 1


def thinned(folder: Path) -> Setup:
    made = Setup(folder, ThinRule(paths="thin", deadband=0.5, max_interval_s=3600))
    made.bind(spec("thin"), spec("whole"))
    return made


def times_of(setup: Setup, signal: int) -> list[int]:
    return [row["ts"] for row in setup.rows(SampleKind.NUMERIC) if row["signal"] == signal]


def test_only_signals_with_a_rule_are_thinned_and_the_order_stays(tmp_path: Path) -> None:
    setup = thinned(tmp_path)
    for at in range(5):
        setup.keep((0, 1.0, START + at, 0), (1, 1.0, START + at, 0))
    setup.keep((0, 9.0, START + 5, 0), (1, 9.0, START + 5, 0), (0, 9.0, START + 6, 0))
    setup.keep((0, None, START + 7, 0x80310000), (0, 9.0, START + 8, 0))
    assert times_of(setup, 101) == [0, 1, 2, 3, 4, 5]
    # The first; the flat stretch's last and the exception; the held one, the bad one and the next good one.
    assert times_of(setup, 100) == [0, 4, 5, 6, 7, 8]
    counts = setup.counters.as_dict()
    assert (counts["received"], counts["thinned"], counts["queued"]) == (15, 3, 12)
    setup.spool.close()


def test_both_samples_beside_a_gap_are_kept_though_they_say_nothing_new(tmp_path: Path) -> None:
    setup = thinned(tmp_path)
    for at in range(5):
        setup.keep((0, 1.0, START + at, 0))
    setup.intake.tracker.mark(GapReason.DISCONNECTED)
    for at in (50, 51, 52):
        setup.keep((0, 1.0, START + at, 0))
    setup.intake.close()
    assert times_of(setup, 100) == [0, 4, 50, 52]
    assert setup.gaps() == [(100, 5, 50, "disconnected")]
    setup.spool.close()


def test_a_refused_message_is_thinned_anew_when_it_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = thinned(tmp_path)
    for at in range(5):
        setup.keep((0, 1.0, START + at, 0))

    def refuse(_: object) -> int:
        raise SpoolFull(errno.ENOSPC, "full")

    with monkeypatch.context() as full:
        full.setattr(setup.spool, "append", refuse)
        assert not setup.keep((0, 9.0, START + 5, 0))
    setup.intake.tracker.unmark(GapReason.SPOOL_FULL)
    assert setup.keep((0, 9.0, START + 5, 0))
    # Held back since before the refusal, and let go with the message that was refused.
    assert times_of(setup, 100) == [0, 4, 5]
    assert setup.gaps() == []
    setup.spool.close()


def test_after_a_kill_the_gap_begins_behind_what_was_not_held_back(tmp_path: Path) -> None:
    setup = thinned(tmp_path)
    for at in range(5):
        setup.keep((0, 1.0, START + at, 0), (1, 1.0, START + at, 0))
    setup.intake.save()
    setup.spool.close()
    setup.reopen()
    setup.bind(spec("thin"), spec("whole"))
    setup.keep((0, 1.0, START + 9, 0), (1, 1.0, START + 9, 0))
    assert sorted(setup.gaps()) == [(100, 1, 9, "collector_stopped"), (101, 5, 9, "collector_stopped")]
    setup.spool.close()
