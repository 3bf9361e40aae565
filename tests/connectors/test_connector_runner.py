"""The runner alone decides what follows an error."""

from __future__ import annotations

import asyncio

import pytest

from tundish_connectors.connector import Backoff, ConnectorError, ErrorKind, Report, RunState, supervise


class Scripted:
    """A connector whose runs end as listed."""

    name = "scripted"

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.runs = 0

    async def run(self, report: Report) -> None:
        report(RunState.RUNNING)
        self.runs += 1
        end = self.ends.pop(0)
        if end is not None:
            raise end


def error(kind: ErrorKind, wait_s: float | None = None) -> ConnectorError:
    return ConnectorError(kind, "english", "中文", wait_s=wait_s)


def run(connector: Scripted) -> list[tuple[RunState, str | None]]:
    seen: list[tuple[RunState, str | None]] = []

    def report(state: RunState, failure: ConnectorError | None = None) -> None:
        seen.append((state, failure.message_en if failure else None))

    asyncio.run(supervise(connector, report, Backoff(first_s=0.001, limit_s=0.01)))
    return seen


def test_retryable_and_unforeseen_errors_are_followed_by_another_run() -> None:
    connector = Scripted(error(ErrorKind.RETRY), ZeroDivisionError("defect"), None)
    seen = run(connector)
    assert connector.runs == 3
    assert [state for state, _ in seen] == [
        RunState.CONNECTING,
        RunState.RUNNING,
        RunState.DOWN,
        RunState.CONNECTING,
        RunState.RUNNING,
        RunState.DOWN,
        RunState.CONNECTING,
        RunState.RUNNING,
    ]
    assert "ZeroDivisionError: defect" in str(seen[5][1])


def test_a_fatal_error_ends_it() -> None:
    connector = Scripted(error(ErrorKind.FATAL), None)
    with pytest.raises(ConnectorError):
        run(connector)
    assert connector.runs == 1


def test_waits_double_up_to_the_limit_and_are_spread() -> None:
    backoff = Backoff(first_s=1, limit_s=5, spread=lambda: 1.0)
    assert [backoff.wait_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.wait_s() == 1
    assert backoff.wait_s(at_least=30) == 30
    lowest = Backoff(first_s=1, spread=lambda: 0.0)
    assert lowest.wait_s() == 0.5
