"""What a container's probes are told: of a part that has no port of its own, and of the server."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest
import tomli_w

from tundish_deploy.probes import answers, probed
from tundish_deploy.settings import load_settings
from tundish_deploy.stores import run_writer_part
from tundish_platform.store.clusterwriter import WriterMember
from tundish_platform.store.log.interface import StoreFailed
from tundish_platform.store.testing.ports import free_ports

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def asked(port: int, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=30).status_code


def test_ready_is_asked_anew_and_alive_is_not() -> None:
    (port,) = free_ports(1)
    ready = threading.Event()
    with probed(port, ready.is_set):
        assert (asked(port, "/ready"), asked(port, "/alive"), asked(port, "/")) == (503, 200, 404)
        assert not answers(f"http://127.0.0.1:{port}/ready")
        ready.set()
        assert asked(port, "/ready") == 200
        assert answers(f"http://127.0.0.1:{port}/ready")
        ready.clear()
        assert asked(port, "/ready") == 503
    assert not answers(f"http://127.0.0.1:{port}/alive")


@pytest.mark.parametrize("told", [{}, {"TUNDISH_SUPERVISED": "1"}])
def test_parts_of_one_machine_do_not_fight_for_one_port(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str]
) -> None:
    (port,) = free_ports(1)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with probed(port if told else None, lambda: True):
        assert not answers(f"http://127.0.0.1:{port}/ready")


def test_a_containers_own_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the image runs it: the part's port if one is named, the server's health otherwise."""
    health: list[int] = [200]

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(health[0] if self.path == "/api/v1/health" else 404)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    def check() -> int:
        command = [sys.executable, "-m", "tundish_deploy.probes"]
        return subprocess.run(command, check=False, timeout=60).returncode

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TUNDISH_SERVER__PORT", str(server.server_port))
        assert check() == 0
        health[0] = 503
        assert check() == 1
        (port,) = free_ports(1)
        monkeypatch.setenv("TUNDISH_PROBE_PORT", str(port))
        assert check() == 1
        with probed(port, lambda: True):
            assert check() == 0
        server.shutdown()


def test_a_writer_is_ready_once_it_takes_appends(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    file = tmp_path / "tundish.toml"
    told = {"data_dir": str(tmp_path / "data"), "probe_port": port, "store": {"mode": "writer"}}
    file.write_text(tomli_w.dumps(told))
    stopped = threading.Event()
    thread = threading.Thread(target=run_writer_part, args=(load_settings(file), "writer", stopped))
    thread.start()
    try:
        seen = [0]
        while seen[-1] != 200 and thread.is_alive():
            try:
                seen.append(asked(port, "/ready"))
            except httpx.HTTPError:
                stopped.wait(0.02)
        assert set(seen) <= {0, 503, 200}
        assert seen[-1] == 200
    finally:
        stopped.set()
        thread.join(60)
    assert not answers(f"http://127.0.0.1:{port}/alive")


def test_a_clusters_writer_is_ready_while_the_log_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alone:
        lease_s = 0.01

    member = WriterMember(Alone(), None, "here-writer")  # type: ignore[arg-type]
    stopped, turns = threading.Event(), iter([True, False, True])
    seen: list[bool] = []

    def turn() -> None:
        seen.append(member.heard)
        well = next(turns, None)
        if well is None:
            stopped.set()
        elif not well:
            raise StoreFailed("no server answers")

    monkeypatch.setattr(member, "turn", turn)
    monkeypatch.setattr(member, "close", lambda: None)
    member.run(stopped)
    assert seen == [False, True, False, True]
