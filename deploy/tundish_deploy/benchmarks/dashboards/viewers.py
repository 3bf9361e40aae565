"""Viewers beside the measured browser: each keeps a page's stream open and asks what the page asks besides.

Fifty browsers would measure the machine that draws them. What they ask of the server is the same.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

import httpx

from tundish_deploy.benchmarks.dashboards.plant import PAGES_A_PERSON, PASSWORD, watchers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LIMIT_S: Final = 60.0
_NEWS: Final = "data: "


@dataclass(slots=True)
class Viewers:
    """So many people who leave a page open.

    Attributes:
        url: of the server.
        stream: address of the page's stream.
        bodies: what one round of the page sends, message by message.
        count: viewers.
        every_s: seconds between two rounds of each.
        counted: number of the signal whose values are the numbers of changes.
        taken_ms: how long answers took.
        heard: by viewer, when each number came out of its stream; seconds since 1970.
        refused: answers that were no success, streams that ended among them.
    """

    url: str
    stream: str
    bodies: Sequence[str]
    count: int
    every_s: float
    counted: int
    taken_ms: list[float] = field(default_factory=list)
    heard: list[dict[int, float]] = field(default_factory=list)
    refused: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        people = [_session(self.url, login) for login in watchers(self.count)]
        for number in range(self.count):
            cookie = people[number // PAGES_A_PERSON]
            late = number * self.every_s / max(1, self.count)
            self.heard.append({})
            for work, rest in ((self._ask, late), (self._listen, self.heard[-1])):
                thread = threading.Thread(target=work, args=(cookie, rest), daemon=True)
                self._threads.append(thread)
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, cookies: httpx.Cookies, late: float) -> None:
        following = time.monotonic() + late
        with _client(self.url, cookies) as client:
            while not self._stopped.wait(max(0.0, following - time.monotonic())):
                for body in self.bodies:
                    began = time.perf_counter()
                    answer = client.post("/_dash-update-component", content=body.encode())
                    self.taken_ms.append((time.perf_counter() - began) * 1_000)
                    self.refused += not answer.is_success
                following += self.every_s

    def _listen(self, cookies: httpx.Cookies, heard: dict[int, float]) -> None:
        with _client(self.url, cookies) as client, client.stream("GET", self.stream) as answer:
            self.refused += not answer.is_success
            for number in self._numbers(answer) if answer.is_success else ():
                heard.setdefault(number, time.time())
                if self._stopped.is_set():
                    return
        self.refused += not self._stopped.is_set()

    def _numbers(self, answer: httpx.Response) -> Iterator[int]:
        """What the counted signal shows, event by event."""
        for line in answer.iter_lines():
            if line.startswith(_NEWS):
                rows = json.loads(line.removeprefix(_NEWS)).get("rows", ())
                shown = [row["value"] for row in rows if row["id"] == str(self.counted)]
                yield from (round(float(value.split()[0].replace(",", ""))) for value in shown)


def _client(url: str, cookies: httpx.Cookies) -> httpx.Client:
    headers = {"Origin": url, "Content-Type": "application/json"}
    return httpx.Client(base_url=url, cookies=cookies, headers=headers, timeout=_LIMIT_S, trust_env=False)


def _session(url: str, login: str) -> httpx.Cookies:
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=_LIMIT_S, trust_env=False) as client:
        answer = client.post("/login", data={"login": login, "password": PASSWORD})
        answer.raise_for_status() if answer.is_error else None
        return client.cookies
