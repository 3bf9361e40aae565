"""A worker and the real queue over HTTP: done, cancelled, failed, stopped, killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tundish_analytics.jobs import Hopeless, Tools, held, take_one
from tundish_analytics.jobs.loop import KINDS
from tundish_analytics.models.registry import Registry
from tundish_platform.jobs import reporting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Served

    from tundish_analytics.jobs.tools import Tell
    from tundish_platform.sdk.calls.job_answers import Job

PATIENCE_S = 60.0
LINE = {"line": "S/A/L"}
KILLED = """
import sys, threading, time, types
from tundish_analytics.jobs import Tools, loop
from tundish_platform.sdk.client import Client

def forever(tools, job, tell):
    while True:
        tell(0.5, "半", "half")
        time.sleep(0.05)

sys.modules["forever"] = types.ModuleType("forever")
sys.modules["forever"].work = forever
loop.KINDS["train"] = "forever:work"
tools = Tools(Client(sys.argv[1], sys.argv[2]), None)
while not loop.take_one(tools, threading.Event(), 5.0):
    pass
"""


@pytest.fixture
def tools(served: Served, tmp_path: Path) -> Tools:
    return Tools(served.worker, Registry(tmp_path))


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Has jobs of training done by a function of the test."""

    def by(work: Callable[..., Any]) -> None:
        module = ModuleType("work_of_the_test")
        module.work = work  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "work_of_the_test", module)
        monkeypatch.setitem(KINDS, "train", "work_of_the_test:work")

    return by


def taken(served: Served, tools: Tools, job: Job, stop: threading.Event | None = None) -> Job:
    """The job after a worker took one."""
    assert take_one(tools, stop or threading.Event())
    return served.engineer.job("plant", job["id"])


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.mark.integration
def test_a_job_is_done_and_its_progress_is_seen_on_the_way(
    served: Served, tools: Tools, working: Callable[..., None]
) -> None:
    seen: list[Job] = []
    asked = served.engineer.ask_job("plant", "train", LINE)

    def work(_tools: Tools, job: Any, tell: Tell) -> dict[str, Any]:  # noqa: ANN401 - as the platform says
        tell(0.4, "进行中", "under way")

        def told() -> bool:
            seen.append(served.engineer.job("plant", job["id"]))
            return seen[-1]["share"] == 0.4

        until(told)
        return {"of": job["arguments"]["line"]}

    working(work)
    job = taken(served, tools, asked)
    assert (seen[-1]["state"], seen[-1]["words_zh"], seen[-1]["words_en"]) == (
        "running", "进行中", "under way",
    )  # fmt: skip
    assert (job["state"], job["result"], job["attempts"]) == ("done", {"of": "S/A/L"}, 1)
    assert next(iter(served.engineer.jobs("plant", "done", "train")))["id"] == asked["id"]


@pytest.mark.integration
def test_a_job_that_nobody_wants_any_more_ends_between_its_pieces(
    served: Served, tools: Tools, working: Callable[..., None]
) -> None:
    pieces = []

    def work(_tools: Tools, job: Any, tell: Tell) -> dict[str, Any]:  # noqa: ANN401 - as the platform says
        served.engineer.cancel_job("plant", job["id"])
        begun = time.monotonic()
        while time.monotonic() < begun + PATIENCE_S:
            pieces.append(len(pieces))
            tell(len(pieces) / 1e6, "", "")
            time.sleep(0.02)
        return {}

    working(work)
    job = taken(served, tools, served.engineer.ask_job("plant", "train", LINE))
    assert (job["state"], job["cancelled_by"], job["result"]) == ("cancelled", "engineer", None)
    assert pieces


@pytest.mark.integration
@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (Hopeless("没有模型", "no model"), "failed", "no model"),
        (ValueError("bad data"), "failed", "ValueError: bad data"),
        (OSError("disk"), "queued", "OSError: disk"),
    ],
)
def test_a_failure_is_told_and_tried_again_where_that_may_help(
    served: Served, tools: Tools, working: Callable[..., None], error: Exception, state: str, words: str
) -> None:
    def work(*_: object) -> dict[str, Any]:
        raise error

    working(work)
    job = taken(served, tools, served.engineer.ask_job("plant", "train", LINE))
    assert (job["state"], job["failure_en"], job["attempts"]) == (state, words, 1)
    served.engineer.cancel_job("plant", job["id"])


@pytest.mark.integration
def test_a_worker_that_is_stopped_gives_its_job_back(
    served: Served, tools: Tools, working: Callable[..., None]
) -> None:
    stop = threading.Event()

    def work(_tools: Tools, _job: object, tell: Tell) -> dict[str, Any]:
        stop.set()
        tell(0.1, "", "")
        return {}

    working(work)
    job = taken(served, tools, served.engineer.ask_job("plant", "train", LINE), stop)
    assert (job["state"], job["attempts"]) == ("queued", 1)
    served.engineer.cancel_job("plant", job["id"])


@pytest.mark.integration
def test_a_killed_workers_job_is_done_by_another(
    served: Served, tools: Tools, working: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "pause_after", lambda _attempts: reporting.FIRST_PAUSE * 0)
    asked = served.engineer.ask_job("plant", "train", LINE)
    command = [sys.executable, "-c", KILLED, served.address, served.token]
    with subprocess.Popen(command) as killed:
        until(lambda: served.engineer.job("plant", asked["id"])["share"] == 0.5)
        assert served.worker.claim_job(["train"]) == [], "it is held"
        killed.kill()
    working(lambda *_: {"done": "by another"})
    until(lambda: take_one(tools, threading.Event()))
    job = served.engineer.job("plant", asked["id"])
    assert (job["state"], job["attempts"], job["result"]) == ("done", 2, {"done": "by another"})


def test_a_job_stays_held_while_a_long_piece_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_LOOK_S", 0.01)
    told: list[tuple[Any, ...]] = []

    class Platform:
        def job_progress(self, *said: object) -> dict[str, str]:
            told.append(said)
            return {"state": "running"}

    job: Any = {"id": 1, "tenant": "plant", "lease": "x" * 20}
    client: Any = Platform()
    with held.Held(client, job, threading.Event(), lease_s=0.06) as one:
        until(lambda: len(told) >= 3)
        one.tell(0.7, "甲", "a")
        until(lambda: told[-1][1:] == (0.7, "甲", "a", 0.06))
    count = len(told)
    assert {said[1] for said in told} == {0.0, 0.7}
    time.sleep(0.05)
    assert len(told) == count, "and says nothing more once it is over"
