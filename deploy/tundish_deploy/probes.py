"""Whether a part is ready, told over HTTP to whoever runs it in a container, by the standard library.

The server answers ``/api/v1/health`` itself. Other parts have no port of their own and answer here.
"""

from __future__ import annotations

import os
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READY: Final = "/ready"
ALIVE: Final = "/alive"
HEALTH: Final = "/api/v1/health"
_SUPERVISED: Final = "TUNDISH_SUPERVISED"
_PATIENCE_S: Final = 5.0


@contextmanager
def probed(port: int | None, ready: Callable[[], bool]) -> Iterator[None]:
    """Answer probes meanwhile: ``/alive`` with 200, ``/ready`` with 200 or 503.

    Args:
        port: on all addresses, since the prober is not this container; None answers nobody. Below a
            supervisor nobody is answered either: parts of one machine share settings, a port is for one.
        ready: asked for each probe.
    """
    if port is None or os.environ.get(_SUPERVISED) == "1":
        yield
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in {READY, ALIVE}:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            well = self.path == ALIVE or ready()
            self.send_response(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Probes come every few seconds, and say nothing that a log should keep."""

    server = ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answers(url: str) -> bool:
    """Whether something answers there, and well."""
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310 - our own address
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, ValueError):
        return False


def main() -> int:
    """Of a container: 0 if its part is ready; run as a module, it starts in a tenth of a second."""
    port = os.environ.get("TUNDISH_PROBE_PORT")
    if port:
        return 0 if answers(f"http://127.0.0.1:{port}{READY}") else 1
    return 0 if answers(f"http://127.0.0.1:{os.environ.get('TUNDISH_SERVER__PORT', '8050')}{HEALTH}") else 1


if __name__ == "__main__":
    sys.exit(main())
