"""A writer process and two API processes on one port, as `tundish up` starts them; each is killed once."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Installation

pytestmark = pytest.mark.integration


def test_the_writer_is_killed_and_nothing_acknowledged_is_lost(install: Callable[..., Installation]) -> None:
    platform = install(store={"mode": "writer"}, server={"processes": 2})
    platform.start()
    counter = platform.counter()
    platform.progress()

    command = ["part", "writer", "second", "--settings", str(platform.file)]
    second = subprocess.run(
        [sys.executable, "-m", "tundish_deploy", *command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert second.returncode == 1
    assert "another process writes" in second.stderr

    platform.kill("writer")
    platform.progress()
    told = {(error.status, error.code) for error in counter.refusals}
    assert told == {(503, "writer_away")}
    assert all("重试" in error.message_zh for error in counter.refusals)

    # The other server goes on; a request that the dead one had is the caller's to repeat.
    platform.kill("server")
    platform.progress()
    platform.check()
    assert platform.supervisor.restarts()["writer"] == 1
