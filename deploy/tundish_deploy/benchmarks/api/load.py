"""Requests at a steady rate, whether or not earlier ones were answered; latency counts from the time due."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.api.city import everyday

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_deploy.benchmarks.api.city import Caller

PREFIX: Final = "/api/v1"
_CONNECTIONS: Final = 24
_TIMEOUT_S: Final = 30.0
_ROWS: Final = 10
_CALLS_A_DAY: Final = 8


class LoadError(RuntimeError):
    """A request was not answered with success; figures of such a run mean nothing."""


@dataclass(slots=True)
class Latencies:
    """Milliseconds from the time due to the end of the answer.

    Attributes:
        by_call: of each kind of call.
        lateness: from the time due to the sending: large ones mean that the client was too slow, or that all
            its connections waited for the server.
    """

    by_call: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lateness: list[float] = field(default_factory=list)

    @property
    def every(self) -> list[float]:
        """Of all calls."""
        return [ms for found in self.by_call.values() for ms in found]


def steady(port: int, callers: Sequence[Caller], rate: float, seconds: float) -> Latencies:
    """Send everyday calls at a rate for some seconds.

    Args:
        port: of the server on loopback.
        callers: keys that take turns.
        rate: requests a second.
        seconds: how long.

    Raises:
        LoadError: a request was refused or failed.
    """
    found, lock, failed = Latencies(), threading.Lock(), list[str]()
    asked = _asked(callers)
    begun, total = time.perf_counter() + 0.5, round(rate * seconds)
    numbers = iter(range(total))

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        while not failed:
            with lock:
                number = next(numbers, None)
                if number is None:
                    break
                name, send = next(asked)
            due = begun + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            late = time.perf_counter() - due
            try:
                send(connection)
            except (OSError, http.client.HTTPException, LoadError) as error:
                failed.append(f"{name}: {error}")
                break
            ended = time.perf_counter()
            with lock:
                found.by_call[name].append((ended - due) * 1_000)
                found.lateness.append(late * 1_000)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise LoadError(failed[0])
    return found


def ask(
    connection: http.client.HTTPConnection,
    token: str,
    method: str,
    address: str,
    body: bytes | None = None,
    media: str = "application/json",
) -> bytes:
    """One request; the answer's body.

    Raises:
        LoadError: it was refused.
    """
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": media} if body is not None else {})
    connection.request(method, PREFIX + address, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status >= 300:  # noqa: PLR2004 - the first status that is no success
        raise LoadError(f"{answer.status} {data[:300]!r}")
    return data


def _asked(callers: Sequence[Caller]) -> Iterator[tuple[str, Callable[[http.client.HTTPConnection], object]]]:
    """Calls without end: each caller in turn makes the next of its day."""
    # Not everybody's day begins with the same call at the same moment.
    days = [islice(everyday(caller, 0), place % _CALLS_A_DAY, None) for place, caller in enumerate(callers)]
    for turn, place in enumerate(cycle(range(len(callers)))):
        caller = callers[place]
        call = next(days[place], None)
        if call is None:
            days[place] = islice(everyday(caller, turn), None)
            call = next(days[place])
        name, method, address = call
        body = rows_of(caller) if method == "POST" else None
        yield name, partial(ask, token=caller.token, method=method, address=address, body=body)


def rows_of(caller: Caller) -> bytes:
    """Ten samples of this moment as JSON."""
    at = datetime.now(UTC).isoformat()
    rows = [{"signal": 1 + n % caller.signals, "ts": at, "value": float(n)} for n in range(_ROWS)]
    return json.dumps(rows).encode()
