"""A writer process and two API processes on one port, as `tundish up` starts them; the writer is killed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tundish_deploy.stores import run_writer_part
from tundish_platform.store import StoreInUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Installation

pytestmark = pytest.mark.integration


def test_the_writer_is_killed_and_nothing_acknowledged_is_lost(install: Callable[..., Installation]) -> None:
    platform = install(store={"mode": "writer"}, server={"processes": 2})
    platform.start()
    counter = platform.counter()
    platform.progress()

    with pytest.raises(StoreInUse, match="another process writes"):
        run_writer_part(platform.settings, "second", threading.Event())

    platform.kill("writer")
    platform.progress()
    told = {(error.status, error.code) for error in counter.refusals}
    assert told == {(503, "writer_away")}
    assert all("重试" in error.message_zh for error in counter.refusals)

    platform.check()
    # Both servers have the port, and live through the writer's end.
    assert platform.supervisor.restarts() == {"writer": 1, "server": 0, "server-2": 0}
