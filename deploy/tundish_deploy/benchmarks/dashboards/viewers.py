"""Viewers beside the measured browser: they send again and again what its page sends to stay fresh.

Fifty browsers would measure the machine that draws them. What they ask of the server is the same.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx

from tundish_deploy.benchmarks.dashboards.plant import LOGIN, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMIT_S = 60.0


@dataclass(slots=True)
class Viewers:
    """So many people who leave a page open.

    Attributes:
        url: of the server.
        bodies: what one refresh of the page sends, message by message.
        count: viewers.
        every_s: seconds between two refreshes of each.
        taken_ms: how long answers took.
        refused: answers that were no success.
    """

    url: str
    bodies: Sequence[str]
    count: int
    every_s: float
    taken_ms: list[float] = field(default_factory=list)
    refused: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        cookies = _session(self.url)
        for number in range(self.count):
            late = number * self.every_s / max(1, self.count)
            thread = threading.Thread(target=self._watch, args=(cookies, late), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, cookies: httpx.Cookies, late: float) -> None:
        following = time.monotonic() + late
        headers = {"Origin": self.url, "Content-Type": "application/json"}
        with httpx.Client(base_url=self.url, cookies=cookies, headers=headers, timeout=_LIMIT_S,
                          trust_env=False) as client:  # fmt: skip
            while not self._stopped.wait(max(0.0, following - time.monotonic())):
                for body in self.bodies:
                    began = time.perf_counter()
                    answer = client.post("/_dash-update-component", content=body.encode())
                    self.taken_ms.append((time.perf_counter() - began) * 1_000)
                    self.refused += not answer.is_success
                following += self.every_s


def _session(url: str) -> httpx.Cookies:
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=_LIMIT_S, trust_env=False) as client:
        answer = client.post("/login", data={"login": LOGIN, "password": PASSWORD})
        answer.raise_for_status() if answer.is_error else None
        return client.cookies
