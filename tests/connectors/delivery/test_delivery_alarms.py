from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.delivery.alarms import AlarmOutbox, AlarmSender
from tundish_connectors.delivery.http import RefusedError
from tundish_platform.samples import AlarmReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def report(n: int) -> AlarmReport:
    ts = NOW + timedelta(seconds=n)
    return AlarmReport(key=f"k{n}", active=True, ts=ts, name_zh="超温", name_en="Too hot")


class Platform:
    """Takes alarms as the platform does, and fails when told to."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.owed = [(1, "k1"), (2, "k2")]
        self.fails = 0
        self.refuses: set[str] = set()
        self.done = threading.Event()

    def report_alarms(self, source: str, reports: Sequence[AlarmReport]) -> None:
        assert source == "opc"
        if self.fails:
            self.fails -= 1
            raise ConnectorError(ErrorKind.RETRY, "away", "不在", wait_s=0.0)
        if any(one.key in self.refuses for one in reports):
            raise RefusedError(422, "made up by the test")
        self.taken += [one.key for one in reports]
        self.done.set()

    def acknowledgements(self, source: str) -> list[tuple[int, str]]:
        assert source == "opc"
        return list(self.owed)

    def settle_acknowledgement(self, source: str, number: int) -> None:
        assert source == "opc"
        self.owed = [pair for pair in self.owed if pair[0] != number]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[AlarmOutbox]:
    box = AlarmOutbox(tmp_path / "alarms.sqlite")
    yield box
    box.close()


def test_reports_outlive_a_killed_process(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from tundish_connectors.delivery.alarms import AlarmOutbox\n"
        "from tundish_platform.samples import AlarmReport\n"
        "box = AlarmOutbox(Path(sys.argv[1]))\n"
        "box.put([AlarmReport(key='k', active=True, ts=datetime.now(UTC), name_zh='a', name_en='b')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "alarms.sqlite"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    box = AlarmOutbox(path)
    assert [one.key for _, one in box.oldest()] == ["k"]
    box.close()


def test_what_was_delivered_is_forgotten_and_the_rest_keeps_its_order(outbox: AlarmOutbox) -> None:
    platform = Platform()
    platform.fails = 1
    sender = AlarmSender(outbox, platform, "opc", lambda key: key == "k1")
    outbox.put([report(n) for n in range(3)])
    with pytest.raises(ConnectorError):
        sender.turn()
    assert outbox.waiting() == 3
    outbox.put([report(3)])
    sender.turn()
    assert platform.taken == ["k0", "k1", "k2", "k3"]
    assert outbox.waiting() == 0
    # The source took one acknowledgement; the other is asked for again.
    assert platform.owed == [(2, "k2")]


def test_a_report_that_is_refused_holds_up_no_other(outbox: AlarmOutbox) -> None:
    platform = Platform()
    platform.refuses = {"k2"}
    outbox.put([report(n) for n in range(5)])
    AlarmSender(outbox, platform, "opc", lambda _: True).turn()
    assert platform.taken == ["k0", "k1", "k3", "k4"]
    assert outbox.waiting() == 0


def test_the_thread_goes_on_after_trouble_and_ends_when_told(outbox: AlarmOutbox) -> None:
    platform = Platform()
    platform.fails = 2
    sender = AlarmSender(outbox, platform, "opc", lambda _: True, every_s=0.01)
    outbox.put([report(0)])
    sender.start()
    sender.wake()
    assert platform.done.wait(60)
    sender.stop()
    assert platform.taken == ["k0"]
