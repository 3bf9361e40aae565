"""A cluster of NATS servers on loopback whose nodes can be killed and started again."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final, Self

import nats.errors

from tundish_platform.store.log.interface import StoreFailed
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.testing.ports import free_ports, program

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

PATIENCE_S: Final = 60.0


class NatsNodes:
    """Servers with JetStream, each with a folder; one alone, or a cluster.

    Args:
        root: of the folders.
        count: of the nodes.
        max_payload: bytes of a message.
    """

    def __init__(self, root: Path, count: int = 3, max_payload: int = 8 * 1024 * 1024) -> None:
        self._root = root
        self._max_payload = max_payload
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * count
        self._ports: list[int] = []
        self._routes: list[int] = []

    @property
    def urls(self) -> list[str]:
        """Where the nodes listen."""
        return [f"nats://127.0.0.1:{port}" for port in self._ports]

    def __enter__(self) -> Self:
        """Start all; ports that somebody else took meanwhile are left to them."""
        count = len(self._processes)
        for _ in range(5):
            ports = free_ports(2 * count)
            self._ports, self._routes = ports[:count], ports[count:]
            for index in range(count):
                self.start(index)
            if self._answering():
                return self
            self.__exit__(None, None, None)
        raise StoreFailed(f"the NATS servers do not start; see {self._root}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill all."""
        for index in range(len(self._processes)):
            self.kill(index)

    def start(self, index: int) -> None:
        """Start a node, with what its folder holds."""
        folder = self._root / f"node-{index}"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "nats.conf"
        config.write_text(self._config(index, folder))
        with (folder / "nats.log").open("ab") as told:
            command = [program("nats-server"), "--config", str(config)]
            self._processes[index] = subprocess.Popen(command, stdout=told, stderr=told)  # noqa: S603 - ours

    def kill(self, index: int) -> None:
        """Kill a node as a power switch would."""
        process, self._processes[index] = self._processes[index], None
        if process is not None:
            process.kill()
            process.wait()

    def leader(self, stream: str) -> int:
        """Which node leads a stream, once one does."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            name = self._ask(f"$JS.API.STREAM.INFO.{stream}").get("cluster", {}).get("leader")
            if name:
                return int(name.removeprefix("node-"))
            time.sleep(0.1)
        raise StoreFailed(f"{stream} has no leader")

    def _answering(self) -> bool:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and all(p is not None and p.poll() is None for p in self._processes):
            try:
                if "error" not in self._ask("$JS.API.INFO"):
                    return True
            except StoreFailed:
                time.sleep(0.1)
        return False

    def _ask(self, subject: str) -> dict[str, Any]:
        link = NatsLink(self.urls, "tundish-nodes", connect_s=10)
        try:
            answer = link.run(link.client.request(subject, timeout=2), 5)
        except (nats.errors.Error, OSError) as error:
            return {"error": str(error)}
        else:
            told: dict[str, Any] = json.loads(answer.data)
            return told
        finally:
            link.close()

    def _config(self, index: int, folder: Path) -> str:
        lines = [
            f"server_name: node-{index}",
            f"listen: 127.0.0.1:{self._ports[index]}",
            f"max_payload: {self._max_payload}",
            f'jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 4GB }}',
        ]
        if len(self._ports) > 1:
            routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self._routes)
            listen = f"127.0.0.1:{self._routes[index]}"
            lines.append(f"cluster {{ name: tundish, listen: {listen}, routes: [{routes}] }}")
        return "\n".join([*lines, ""])
