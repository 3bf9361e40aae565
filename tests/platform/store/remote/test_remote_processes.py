"""Writer and users in processes of their own: nothing acknowledged is lost or late, whoever is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog

from tundish_platform.store.remote.__main__ import main

if TYPE_CHECKING:
    from conftest import Plant

CLIENTS = 3
ROWS = 20
BATCHES = 90
KILLS = 3

pytestmark = pytest.mark.integration


def numbers(count: int) -> list[float]:
    return [float(n) for n in range(count)]


def test_the_writer_is_killed_while_three_processes_append(plant: Plant) -> None:
    """Each kill waits for progress of all, so that it falls into the middle of appends."""
    writer = plant.writer(seal_rows=400)
    members = [plant.member() for _ in range(CLIENTS)]
    for number, member in enumerate(members):
        member.tell(do="stream", signal=number, rows=ROWS, batches=BATCHES)
    reader = plant.member()
    for _ in range(KILLS):
        acknowledged = [
            [m.hear()["acknowledged"] for _ in range(BATCHES // (KILLS + 1))][-1] for m in members
        ]
        writer.kill()
        writer = plant.writer(seal_rows=400)
        for number, rows in enumerate(acknowledged):
            values = reader.ask(do="values", signal=number)["values"]
            # No hole, no repetition, no half batch.
            assert values == numbers(len(values))
            assert len(values) >= rows
            assert len(values) % ROWS == 0
    for number, member in enumerate(members):
        last = member.hear()
        while "done" not in last:
            last = member.hear()
        assert reader.ask(do="values", signal=number)["values"] == numbers(ROWS * BATCHES)


def test_a_second_writer_is_refused_and_takes_over_at_once(plant: Plant) -> None:
    first = plant.writer()
    member = plant.member()
    assert member.ask(do="append", signal=1, first=0, rows=3) == 3
    assert "another process writes" in plant.start("remote_writer.py", 1000).hear()
    # The refused one has taken neither socket nor key away.
    assert member.ask(do="append", signal=1, first=3, rows=3) == 3
    first.kill()
    plant.writer()
    assert member.ask(do="append", signal=1, first=6, rows=3) == 3
    assert member.ask(do="values", signal=1) == {"values": numbers(9), "buffered": True}


def test_what_one_process_was_told_is_stored_the_next_one_sees(plant: Plant) -> None:
    """Always, not in the end: seals and merges go on meanwhile."""
    plant.writer(seal_rows=30)
    ours, theirs, sealer = plant.member(), plant.member(), plant.member()
    for turn in range(60):
        sealer.tell(do="seal")
        assert ours.ask(do="append", signal=1, first=turn * 2, rows=2) == 2
        assert theirs.ask(do="values", signal=1) == {"values": numbers(turn * 2 + 2), "buffered": True}
        assert theirs.ask(do="latest") == [turn * 2 + 1.0]
        ours, theirs = theirs, ours
        sealer.hear()


def test_without_a_writer_segments_answer_and_appends_are_refused(plant: Plant) -> None:
    writer = plant.writer()
    member = plant.member()
    assert member.ask(do="append", signal=1, first=0, rows=3) == 3
    assert member.ask(do="seal")
    assert member.ask(do="append", signal=1, first=3, rows=3) == 3
    assert member.ask(do="ready") is True
    writer.kill()
    assert member.ask(do="ready") is False
    assert member.ask(do="refusal", signal=1) == "WriterAway"
    assert member.ask(do="values", signal=1) == {"values": numbers(3), "buffered": False}
    assert member.ask(do="latest") == [2.0]
    plant.writer()
    assert member.ask(do="values", signal=1) == {"values": numbers(6), "buffered": True}
    assert member.ask(do="latest") == [5.0]


def test_a_writer_that_hangs_is_not_waited_for_beyond_its_time(plant: Plant) -> None:
    writer = plant.writer()
    hasty, patient = plant.member(answer_s=0.2), plant.member()
    assert patient.ask(do="append", signal=1, first=0, rows=3) == 3
    writer.signal(signal.SIGSTOP)
    assert hasty.ask(do="values", signal=1) == {"values": [], "buffered": False}
    assert hasty.ask(do="ready") is False
    patient.tell(do="values", signal=1)
    writer.signal(signal.SIGCONT)
    assert patient.hear() == {"values": numbers(3), "buffered": True}


def test_a_stopped_client_holds_up_nobody(plant: Plant) -> None:
    plant.writer()
    stopped, other = plant.member(), plant.member()
    stopped.tell(do="stream", signal=1, rows=ROWS, batches=100_000)
    stopped.hear()
    stopped.signal(signal.SIGSTOP)
    for turn in range(20):
        assert other.ask(do="append", signal=2, first=turn, rows=1) == 1
    assert other.ask(do="values", signal=2)["values"] == numbers(20)


def test_the_writer_runs_by_itself_and_ends_cleanly_when_asked(plant: Plant) -> None:
    command = [sys.executable, "-m", "tundish_platform.store.remote", plant.root, plant.url]
    member = plant.member()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            assert member.ask(do="append", signal=1, first=0, rows=3) == 3
            writer.terminate()
            assert writer.wait(60) == 0
        finally:
            writer.kill()
    assert not (plant.root / "writer.sock").exists()
    plant.writer()
    assert member.ask(do="values", signal=1)["values"] == numbers(3)


def test_a_writer_that_is_refused_says_so_to_who_started_it(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant.writer()
    monkeypatch.setattr(sys, "argv", ["writer", str(plant.root), plant.url])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(structlog, "configure", lambda **_: None)
    assert main() == 3
    assert "another process writes" in capsys.readouterr().err
