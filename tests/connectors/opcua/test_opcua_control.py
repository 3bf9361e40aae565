"""Writing and calling on a real server: only what is granted, in the right type, all in the trail."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.connector import ConnectorError
from tundish_connectors.opcua import OpcUaConnection
from tundish_connectors.opcua.control import call_method, write_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration
LEVEL, METHOD = "Plant/Tank/Level", "Plant/Tank/SetLevel"


def trail(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text("utf-8").splitlines()]


def test_only_what_is_granted_is_done_and_all_is_written_down(
    start_peer: Callable[..., Any], tmp_path: Path
) -> None:
    peer = start_peer("node-plant")
    closed = OpcUaConnection(
        name="line-1", url=f"opc.tcp://127.0.0.1:{peer.port}/", state_dir=tmp_path, security_policy="None"
    )
    opened = closed.model_copy(update={"writable": (LEVEL,), "callable": (METHOD,)})
    for attempt in (
        write_value(closed, LEVEL, 70, "王工"),
        call_method(closed, METHOD, [70], "王工"),
        write_value(opened, "Plant/Tank", 70, "王工"),
    ):
        with pytest.raises(ConnectorError, match="not granted"):
            asyncio.run(attempt)
    for attempt in (
        write_value(opened, LEVEL, "full", "王工"),
        call_method(opened, METHOD, [], "王工"),
        call_method(opened, METHOD, ["full"], "王工"),
        write_value(opened.model_copy(update={"writable": ("Plant/Gone",)}), "Plant/Gone", 1, "王工"),
    ):
        with pytest.raises(ConnectorError, match="cannot be used so"):
            asyncio.run(attempt)
    assert [one["status"] for one in trail(tmp_path) if one["event"] == "done"] == ["refused here"] * 7

    done = asyncio.run(write_value(opened, LEVEL, 70, "王工"))
    assert (done.good, done.before) == (True, 50.0)
    called = asyncio.run(call_method(opened, METHOD, [20], "李工"))
    assert (called.good, called.results) == (True, [70.0])
    asked, told, asked_call, told_call = trail(tmp_path)[-4:]
    assert (asked["who"], asked["action"], asked["path"], asked["value"]) == ("王工", "write", LEVEL, 70)
    assert (told["id"], told["status"], told["before"]) == (asked["id"], "Good", 50.0)
    assert (asked_call["who"], asked_call["inputs"]) == ("李工", [20])
    assert (told_call["id"], told_call["results"]) == (asked_call["id"], [70.0])
    assert all(one["at"].endswith("+00:00") for one in trail(tmp_path))
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_without_a_trail_nothing_is_written(start_peer: Callable[..., Any], tmp_path: Path) -> None:
    peer = start_peer("node-plant")
    (tmp_path / "audit.jsonl").mkdir()
    opened = OpcUaConnection(
        name="line-1",
        url=f"opc.tcp://127.0.0.1:{peer.port}/",
        state_dir=tmp_path,
        security_policy="None",
        writable=(LEVEL,),
    )
    with pytest.raises(OSError, match="directory"):
        asyncio.run(write_value(opened, LEVEL, 70, "王工"))
    (tmp_path / "audit.jsonl").rmdir()
    assert asyncio.run(write_value(opened, LEVEL, 60, "王工")).before == 50.0
