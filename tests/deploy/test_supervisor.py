"""Parts are real processes; `version` ends at once, `_idle` waits for its end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tundish_deploy.supervisor import Part, Supervisor

pytestmark = pytest.mark.integration

SLEEPER = Part("sleeper", ["idle"])


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path)
    yield made
    made.stop(grace_s=5)


def test_a_killed_part_is_started_again(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    wait_until(lambda: supervisor.alive("sleeper"))
    first = supervisor.pid("sleeper")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: supervisor.restarts()["sleeper"] == 1 and supervisor.alive("sleeper"))
    assert supervisor.pid("sleeper") != first


def test_stop_leaves_no_process_behind(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    wait_until(lambda: supervisor.alive("sleeper"))
    pid = supervisor.pid("sleeper")
    supervisor.stop(grace_s=5)
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_parts_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from tundish_deploy.supervisor import Part, Supervisor\n"
        "s = Supervisor(pathlib.Path(sys.argv[1]))\n"
        "s.start(Part('sleeper', ['idle']))\n"
        "print(s.pid('sleeper'), flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    log = tmp_path / "sleeper.log"
    wait_until(lambda: "idle" in log.read_text("utf-8"))
    process.kill()
    process.communicate()
    wait_until(
        lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text("utf-8")
    )
