"""Alarms on their way to the platform, and people's acknowledgements on their way back."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from tundish_connectors.connector import Backoff, ConnectorError, ErrorKind
from tundish_connectors.delivery.http import RefusedError
from tundish_platform.samples import AlarmReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = structlog.get_logger(__name__)

_AT_ONCE: Final = 1_000


class AlarmOutbox:
    """Reports that the platform has not taken yet, in a SQLite file.

    A source tells a transition once, so it has to outlive the process and a power cut.

    Args:
        path: of the file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        # NORMAL loses what was committed last when the power goes.
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS report (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)"
        )

    def put(self, reports: Sequence[AlarmReport]) -> None:
        """Keep reports; they are on disk when this returns."""
        rows = [(report.model_dump_json(),) for report in reports]
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO report (body) VALUES (?)", rows)
            self._database.execute("COMMIT")

    def oldest(self, most: int = _AT_ONCE) -> list[tuple[int, AlarmReport]]:
        """The oldest reports with their numbers."""
        with self._lock:
            rows = self._database.execute(
                "SELECT number, body FROM report ORDER BY number LIMIT ?", (most,)
            ).fetchall()
        return [(number, AlarmReport.model_validate_json(body)) for number, body in rows]

    def forget(self, up_to: int) -> None:
        """The platform has all reports up to this number."""
        with self._lock:
            self._database.execute("DELETE FROM report WHERE number <= ?", (up_to,))

    def waiting(self) -> int:
        """How many reports wait."""
        with self._lock:
            (count,) = self._database.execute("SELECT count(*) FROM report").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


class AlarmDelivery(Protocol):
    """What the sender needs of the platform; each call is one try and raises `ConnectorError`."""

    def report_alarms(self, source: str, reports: Sequence[AlarmReport]) -> None:
        """Deliver reports; all are taken or none."""
        ...

    def acknowledgements(self, source: str) -> list[tuple[int, str]]:
        """Number and key of the alarms people acknowledged."""
        ...

    def settle_acknowledgement(self, source: str, number: int) -> None:
        """The source has taken the acknowledgement."""
        ...


class AlarmSender:
    """Sends what is in the outbox and asks for acknowledgements, in a thread of its own.

    Args:
        outbox: where reports wait.
        delivery: the platform.
        source: name of the connector.
        acknowledge: tells the source that the alarm of this key was acknowledged; False to be asked again.
        every_s: seconds between two looks.
    """

    def __init__(
        self, outbox: AlarmOutbox, delivery: AlarmDelivery, source: str,
        acknowledge: Callable[[str], bool], every_s: float = 2.0,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._delivery = delivery
        self._source = source
        self._acknowledge = acknowledge
        self._every_s = every_s
        self._ended = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self.trouble: ConnectorError | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._woken.set()

    def stop(self) -> None:
        """End after the request that is under way; what was not delivered stays in the outbox."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def turn(self) -> None:
        """Send everything that waits, then bring acknowledgements back.

        Raises:
            ConnectorError: the platform could not be reached or refused for now.
        """
        while rows := self._outbox.oldest():
            self._send(rows)
            self._outbox.forget(rows[-1][0])
        for number, key in self._delivery.acknowledgements(self._source):
            if self._acknowledge(key):
                self._delivery.settle_acknowledgement(self._source, number)

    def _send(self, rows: Sequence[tuple[int, AlarmReport]]) -> None:
        try:
            self._delivery.report_alarms(self._source, [report for _, report in rows])
        except RefusedError as error:
            if len(rows) == 1:
                # It would block all others for ever; what it said stands in the log.
                _log.error("the platform refused an alarm", reason=error.message_en, key=rows[0][1].key)
                return
            half = len(rows) // 2
            self._send(rows[:half])
            self._send(rows[half:])

    def _run(self) -> None:
        backoff = Backoff()
        wait_s = 0.0
        while not self._ended.is_set():
            self._woken.wait(wait_s)
            self._woken.clear()
            try:
                self.turn()
            except ConnectorError as error:
                self.trouble = error
                wait_s = backoff.wait_s(error.wait_s)
                if error.kind is ErrorKind.FATAL:
                    _log.error("alarms cannot be delivered", reason=error.message_en)
            else:
                self.trouble = None
                backoff.reset()
                wait_s = self._every_s
