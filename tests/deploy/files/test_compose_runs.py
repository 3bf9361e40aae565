"""The compose file's platform as processes on loopback: commands, settings, secrets, roles, health checks.

Addresses and places are others, since there are no containers; everything else is what the file says.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import yaml

from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import Client
from tundish_platform.store.testing.bucket import BucketServer
from tundish_platform.store.testing.nodes import NatsNodes
from tundish_platform.store.testing.ports import free_ports
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_token
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[3] / "deploy" / "compose"
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))["services"]
FILES = {"server": "tundish.toml", "writer": "writer.toml", "jobs": "worker.toml"}
BOUND_S = 300.0
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
TUNDISH = [sys.executable, "-m", "tundish_deploy"]


class Platform:
    """Services of the file as processes; each has a port of its own."""

    def __init__(self, folder: Path, postgres: Any, nodes: NatsNodes, bucket: BucketServer) -> None:  # noqa: ANN401 - a class of a conftest
        self.folder, self.secrets = folder, folder / "compose" / "secrets"
        shutil.copytree(FOLDER, folder / "compose", ignore=shutil.ignore_patterns("secrets"))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = os.environ | {"PATH": path}
        self._bash("make-secrets.sh", "tundish.example")
        told = {
            "POSTGRES_USER": "tundish",
            "PGHOST": str(postgres.folder),
            "TUNDISH_SECRETS": str(self.secrets),
        }
        self._bash("postgres-roles.sh", **told)
        for name in ("metadata.url", "metadata-owner.url"):
            file = self.secrets / name
            file.write_text(
                file.read_text().replace("@postgres/tundish", f"@/tundish?host={postgres.folder}")
            )
        (self.secrets / "objects.key").write_text(bucket.access.secret_key or "")
        self._places = {
            '["nats://log-1:4222", "nats://log-2:4222", "nats://log-3:4222"]': json.dumps(nodes.urls),
            "http://objects:8333": str(bucket.access.endpoint), "/run/secrets": str(self.secrets),
            "access_key =": "partitions = 4\naccess_key =", "/tmp/tundish": str(self.folder / "tmp"),  # noqa: S108 - in a container
        }  # fmt: skip
        services = [name for name, one in SERVICES.items() if one.get("command", [""])[0] == "part"]
        self.ports = dict(zip(services, free_ports(len(services)), strict=True))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def _bash(self, script: str, *arguments: str, **told: str) -> None:
        command = ["bash", str(self.folder / "compose" / script), *arguments]
        done = subprocess.run(
            command, env=self._environment | told, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def _told(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Command and environment of a service, with the places that there are here."""
        one = SERVICES[name]
        text, home = self._here(" ".join(one["command"])), self.folder / name
        home.mkdir(exist_ok=True)
        if "--settings" in text:
            file = home / "tundish.toml"
            settings = self._here((FOLDER / FILES[one["command"][1]]).read_text("utf-8"))
            settings = settings.replace("/var/lib/tundish", str(home)).replace(
                "server-1:8050", f"127.0.0.1:{self.ports['server-1']}"
            )
            file.write_text(settings)
            text = text.replace("/etc/tundish/tundish.toml", str(file))
        variables = {key: self._here(value) for key, value in one.get("environment", {}).items()}
        if name in self.ports:
            key = "TUNDISH_PROBE_PORT" if "TUNDISH_PROBE_PORT" in variables else "TUNDISH_SERVER__PORT"
            variables[key] = str(self.ports[name])
        return text.split(), self._environment | variables

    def _here(self, text: str) -> str:
        for said, here in self._places.items():
            text = text.replace(said, here)
        return text

    def run(self, name: str, *arguments: str) -> str:
        """A service that ends, or another command with its settings; returns all that it says."""
        command, environment = self._told(name)
        words = [*arguments, *command[-2:]] if arguments else command
        done = subprocess.run(
            [*TUNDISH, *words], env=environment, capture_output=True, text=True, check=False, timeout=BOUND_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def start(self, name: str) -> None:
        command, environment = self._told(name)
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([*TUNDISH, *command], env=environment, stdout=log, stderr=log)
        self._processes[name] = process

    def await_health(self, name: str) -> None:
        """By the file's own health check."""
        _, environment = self._told(name)
        check = [sys.executable, *SERVICES[name]["healthcheck"]["test"][2:]]
        deadline = time.monotonic() + BOUND_S
        while subprocess.run(check, env=environment, check=False).returncode != 0:
            well = self._processes[name].poll() is None and time.monotonic() < deadline
            assert well, (self.folder / f"{name}.log").read_text()[-3000:]
            time.sleep(0.2)

    def client(self, name: str, token: str) -> Client:
        return Client(f"http://127.0.0.1:{self.ports[name]}", token, timeout=BOUND_S)

    def analyst(self) -> str:
        """A token such as workers have; in an installation the tenant's owner makes it on the pages."""
        metadata = Metadata((self.secrets / "metadata.url").read_text().strip())
        with metadata.above(Above.OPERATOR).session() as session:
            token = create_token(session, "worker", {"steel": [Role.ANALYST, Role.COLLECTOR]})
        metadata.close()
        return token

    def end(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(60)


@pytest.fixture
def platform(tmp_path: Path, postgres: Any) -> Iterator[Platform]:  # noqa: ANN401 - a class of a conftest
    # Roles belong to a whole PostgreSQL, and other tests have theirs in the shared one.
    own = type(postgres)(Path(tempfile.mkdtemp(prefix="tundish-compose-", dir=postgres.folder.parent)))
    with ExitStack() as ends:
        ends.callback(shutil.rmtree, own.folder, ignore_errors=True)
        ends.callback(own.stop)
        nodes = ends.enter_context(NatsNodes(tmp_path / "nats"))
        bucket = ends.enter_context(BucketServer(tmp_path / "bucket", token_urlsafe(32)))
        made = Platform(tmp_path, own, nodes, bucket)
        ends.callback(made.end)
        yield made


def test_the_platform_comes_up_and_keeps_what_it_is_given(platform: Platform) -> None:
    assert "up to date" in platform.run("upgrade")
    for name in ("writer-1", "writer-2", "server-1", "keeper"):
        platform.start(name)
    for name in ("writer-1", "writer-2", "server-1", "keeper"):
        platform.await_health(name)
    assert re.search(r"operator / \S{12,}", platform.run("keeper", "person", "operator"))
    assert "operator /" not in platform.run("keeper", "person", "operator")
    platform.run("keeper", "tenant", "add", "steel", "--name-zh", "钢厂", "--name-en", "Steel")
    token = platform.analyst()

    near, other = platform.client("server-1", token), platform.client("keeper", token)
    spec = SignalSpec(path="Counter", name_zh="计数", name_en="count", semantic="count.parts")
    number = near.put_signals("steel", "counter", [spec])["Counter"]
    rows = [[number] * 3, [EPOCH + timedelta(seconds=n) for n in range(3)], [1.0, 2.0, 3.0], [0] * 3]
    schema = SCHEMAS[SampleKind.NUMERIC]
    table = pa.table([pa.array(c, f.type) for c, f in zip(rows, schema, strict=True)], schema=schema)
    near.ingest("steel", [SampleBatch(SampleKind.NUMERIC, table, datetime.now(UTC), Origin.LIVE)])
    # Whichever server is asked, it has what another one took.
    found = other.samples("steel", [number], EPOCH, EPOCH + timedelta(days=1))
    assert found["value"].to_pylist() == [1.0, 2.0, 3.0]

    (platform.secrets / "worker.token").write_text(token)
    platform.start("jobs")
    platform.await_health("jobs")
    near.close()
    other.close()
