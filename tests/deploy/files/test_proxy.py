"""The reverse proxy's example, run by nginx with a certificate of its own in front of a real server."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from flask import Flask, Response, request
from waitress import wasyncore
from waitress.server import create_server

from tundish_deploy.proxies import believed, believing
from tundish_platform.api.addresses import caller_address
from tundish_platform.api.ingest import MAX_BODY
from tundish_platform.store.testing.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[3] / "deploy" / "proxy" / "nginx.conf"
NAME = {"Host": "tundish.example"}
_MAIN = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/tundish.conf;
}}
"""


class Behind:
    """An application that tells what reached it, served as the platform's server is."""

    def __init__(self) -> None:
        app, self._sockets, self._stopped = Flask(__name__), {}, threading.Event()
        self.go_on, self.left = threading.Event(), threading.Event()
        app.add_url_rule("/", view_func=self._tell)
        app.add_url_rule("/take", view_func=lambda: {"bytes": len(request.get_data())}, methods=["POST"])
        app.add_url_rule("/api/v1/tenants/steel/stream", view_func=self._stream)
        self._server = create_server(
            believing(app, "127.0.0.1"), map=self._sockets, host="127.0.0.1", port=0, threads=4,
            max_request_body_size=MAX_BODY + 1024 * 1024, **believed("127.0.0.1"),
        )  # fmt: skip
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self.go_on.set()
        self._stopped.set()
        self._thread.join(60)
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(map=self._sockets)

    def _serve(self) -> None:
        while not self._stopped.is_set():
            wasyncore.loop(timeout=0.05, map=self._sockets, count=1)

    def _tell(self) -> dict[str, object]:
        return {"from": caller_address(), "headers": {name.lower(): value for name, value in request.headers}}

    def _stream(self) -> Response:
        def lines() -> Iterator[bytes]:
            yield b"data: first\n\n"
            self.go_on.wait(60)
            yield b"data: second\n\n"

        return Response(lines(), mimetype="text/event-stream")


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    made = Behind()
    yield made
    made.close()


@pytest.fixture(scope="module")
def proxy(
    behind: Behind, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, int]]:
    """Ports for HTTP and HTTPS."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, (
        "nginx is missing; install it with: apt-get install -y --no-install-recommends nginx-light"
    )
    folder = tmp_path_factory.mktemp("nginx")
    plain, tls = free_ports(2)
    text = EXAMPLE.read_text("utf-8")
    for said, here in {
        "127.0.0.1:8050": f"127.0.0.1:{behind.port}", "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl", "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "", "/etc/tundish/tls/tls.crt": str(certificate[0]),
        "/etc/tundish/tls/tls.key": str(certificate[1]),
    }.items():  # fmt: skip
        assert said in text, said
        text = text.replace(said, here)
    (folder / "tundish.conf").write_text(text)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _await(plain)
        yield plain, tls
        process.terminate()


def _await(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("nginx does not start")


@pytest.fixture
def client(proxy: tuple[int, int], certificate: tuple[Path, Path]) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    address = f"https://localhost:{proxy[1]}"
    with httpx.Client(base_url=address, verify=trusted, trust_env=False, timeout=60, headers=NAME) as made:
        yield made


def test_plain_http_is_sent_on_to_https(proxy: tuple[int, int]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{proxy[0]}", trust_env=False, headers=NAME) as plain:
        answer = plain.post("/api/v1/x?y=1", content=b"secret")
        assert (answer.status_code, answer.headers["location"]) == (
            308,
            "https://tundish.example/api/v1/x?y=1",
        )
        assert plain.get("/proxy-health").status_code == 204
    assert "nginx/" not in answer.headers["server"]


def test_where_a_request_comes_from_is_what_the_proxy_saw(client: httpx.Client) -> None:
    lies = {"X-Forwarded-For": "203.0.113.5", "Forwarded": "for=203.0.113.6", "X-Forwarded-Proto": "http"}
    lies["X-Forwarded-Host"] = "evil.example"
    told = client.get("/", headers=lies).json()
    assert told["from"] == "127.0.0.1"
    assert "203.0.113" not in str(told)
    assert "evil" not in str(told)
    assert told["headers"]["host"] == "tundish.example"


def test_a_stream_goes_on_as_it_comes(client: httpx.Client, behind: Behind) -> None:
    behind.go_on.clear()
    with client.stream("GET", "/api/v1/tenants/steel/stream") as answer:
        lines = answer.iter_raw()
        assert next(lines) == b"data: first\n\n"
        # The second is written only now: had the proxy waited for it, the first would not be here.
        behind.go_on.set()
        assert b"second" in b"".join(lines)


def test_a_batch_may_be_as_large_as_the_platform_takes_and_not_larger(client: httpx.Client) -> None:
    assert client.post("/take", content=bytes(MAX_BODY)).json() == {"bytes": MAX_BODY}
    assert client.post("/take", content=bytes(MAX_BODY + 2 * 1024 * 1024)).status_code == 413


@pytest.mark.parametrize(
    ("version", "taken"), [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)]
)
def test_old_tls_is_refused(
    proxy: tuple[int, int], certificate: tuple[Path, Path], version: ssl.TLSVersion, *, taken: bool
) -> None:
    options = ["-tls1_2" if version is ssl.TLSVersion.TLSv1_2 else "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"127.0.0.1:{proxy[1]}",
        "-CAfile",
        str(certificate[0]),
        *options,
    ]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=60)
    assert ("Verify return code: 0 (ok)" in done.stdout and "Cipher is (NONE)" not in done.stdout) is taken
