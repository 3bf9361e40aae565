"""`tundish bench pipeline`: from an OPC UA server through our gateway into the store, and out again.

The gateway and the platform are the product's own processes; only the OPC UA server is the benchmark's, which
stamps each value with the wall clock. What counts is what the platform's HTTP interface gives back.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import httpx
import numpy as np

from tundish_deploy.benchmarks.ending import end
from tundish_deploy.benchmarks.opcua.processes import ReplayServer, cpu_s, free_ports, replay_server
from tundish_deploy.benchmarks.opcua.workload import Plan
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.migrations import upgrade
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MILLION: Final = 1e6
_TENANT: Final = "bench"
_START_S: Final = 120.0
_POLL_S: Final = 0.005
_QUIET_S: Final = 3.0
_SIGNALS_A_QUESTION: Final = 200
_PATIENCE_S: Final = 240.0
_CHANGE_S: Final = 0.01


class PipelineError(RuntimeError):
    """The way did not come to stand; the text says where."""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How much is sent.

    Attributes:
        values: as fast as the gateway asks.
        items: monitored items.
        paced_s: seconds of the paced stream, on which freshness is measured.
    """

    values: int = 20_000_000
    items: int = 1000
    paced_s: float = 15.0


class _Platform:
    """The server process, and what a reader sees of it."""

    def __init__(self, url: str, pid: int, tokens: dict[str, str]) -> None:
        self.url = url
        self.pid = pid
        self.tokens = tokens
        self._client = httpx.Client(
            base_url=f"{url}/api/v1/tenants/{_TENANT}",
            headers={"Authorization": f"Bearer {tokens['reader']}"},
            timeout=60,
            trust_env=False,
        )

    def ask(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        answer = self._client.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def newest(self, signal: int) -> float | None:
        """Source time (s since 1970) of the newest sample of a signal."""
        rows = self.ask("/latest", signals=str(signal))
        times = [row["ts"] for row in rows if row["ts"] is not None]
        return datetime.fromisoformat(times[0]).timestamp() if times else None

    def counted(self, signals: list[int]) -> int:
        """Samples of signals that can be queried, gap records excluded."""
        now = datetime.now(UTC)
        window = {
            "start": (now - timedelta(hours=2)).isoformat(),
            "end": (now + timedelta(hours=1)).isoformat(),
        }
        total = 0
        for start in range(0, len(signals), _SIGNALS_A_QUESTION):
            part = ",".join(map(str, signals[start : start + _SIGNALS_A_QUESTION]))
            total += sum(int(row["count"]) for row in self.ask("/summary", signals=part, **window))
        return total

    def close(self) -> None:
        self._client.close()


@contextmanager
def _process(*arguments: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-W", "ignore", *arguments])  # noqa: S603 - our own modules
    try:
        yield process.pid
    finally:
        end(process)


@contextmanager
def _platform(folder: Path) -> Iterator[_Platform]:
    folder.mkdir()
    (port,) = free_ports(1)
    settings = folder / "tundish.toml"
    # The reader asks again and again when a value can be had; no limit may answer in its place.
    rates = "".join(f"[server.{who}_rate]\nper_s = 1e6\nburst = 1000000\n" for who in ("key", "tenant"))
    settings.write_text(f'data_dir = "{folder}/data"\n[server]\nport = {port}\n{rates}', "utf-8")
    tokens = _tenant(folder / "data")
    with _process("-m", "tundish_deploy", "part", "server", "--settings", str(settings)) as pid:
        platform = _Platform(f"http://127.0.0.1:{port}", pid, tokens)
        try:
            _until("the platform answers", lambda: _answers(platform))
            yield platform
        finally:
            platform.close()


def _tenant(data: Path) -> dict[str, str]:
    from tundish_deploy.settings import Settings

    data.mkdir()
    metadata = Metadata(Settings(data_dir=data).database)
    upgrade(metadata)
    try:
        with metadata.session() as session:
            create_tenant(session, _TENANT, "基准", "Benchmark", "UTC")
            return {
                "collector": create_token(session, "collector", {_TENANT: [Role.COLLECTOR]}),
                "reader": create_token(session, "reader", {_TENANT: [Role.PLANT_MANAGER]}),
            }
    finally:
        metadata.close()


def _answers(platform: _Platform) -> bool:
    try:
        platform.ask("/latest")
    except httpx.HTTPError:
        return False
    return True


def _until(what: str, condition: Callable[[], bool], pause_s: float = 0.2) -> None:
    deadline = time.monotonic() + _START_S
    while not condition():
        if time.monotonic() > deadline:
            raise PipelineError(f"waited {_START_S:.0f} s in vain until {what}")
        time.sleep(pause_s)


@contextmanager
def _gateway(url: str, folder: Path, platform: _Platform) -> Iterator[int]:
    arguments = ["-m", "tundish_deploy.benchmarks.opcua.gateway", url, str(folder), platform.url]
    with _process(*arguments, platform.tokens["collector"]) as pid:
        yield pid


def bench_pipeline(options: PipelineOptions, tell: Callable[[str], None]) -> Report:
    """Run both streams; Linux only, for it reads ``/proc``.

    Raises:
        PipelineError: a part did not start, or nothing came through.
    """
    fast = Plan(
        "fast", "float64", options.items, options.items, fresh=True, limit=options.values // options.items
    )
    paced = Plan("paced", "float64", options.items, options.items, fresh=True, period_s=_CHANGE_S)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(replay_server(folder, [fast, paced], core=None, nodes=options.items))
        with _platform(folder / "fast") as platform:
            figures = _throughput(fast, server, platform, folder / "fast", tell)
        with _platform(folder / "paced") as platform:
            figures += _freshness(paced, server, platform, folder / "paced", options.paced_s, tell)
    return Report("bench pipeline", _conditions(options), figures)


def _signals(platform: _Platform) -> list[int]:
    return sorted(int(row["id"]) for row in platform.ask("/signals", limit="10000"))


def _throughput(
    plan: Plan, server: ReplayServer, platform: _Platform, folder: Path, tell: Callable[[str], None]
) -> list[Figure]:
    sent = plan.limit * plan.items
    with _gateway(server.url(plan), folder / "gateway", platform) as gateway:
        _until("signals are declared", lambda: len(_signals(platform)) == plan.items)
        signals = _signals(platform)
        served = server.cpu_s()
        before = cpu_s(gateway) + cpu_s(platform.pid)
        _until("the first value can be queried", lambda: platform.newest(signals[0]) is not None, 0.01)
        begun = platform.newest(signals[0]) or 0.0
        ended = _last_change(platform, signals[-1])
        used = cpu_s(gateway) + cpu_s(platform.pid) - before
    # The gateway has ended: the server is silent now, and a client that goes on would subscribe anew.
    tell(f"{sent} values sent in {ended - begun:.1f} s; counting them")
    counted = platform.counted(signals)
    if counted > sent:
        raise PipelineError(f"{counted} values can be queried, but only {sent} were sent")
    lost = sent - counted
    rate = sent / (ended - begun)
    return [
        judged("pipeline_values_per_s", rate, "1/s", "higher", bar=1.5e6),
        judged("pipeline_cpu_s_per_million", used / sent * _MILLION, "s", "lower", bar=1.0),
        judged("lost_values", lost, "1", "lower", bar=0),
        Figure("server_cpu_s_per_million", (server.cpu_s() - served) / sent * _MILLION, "s", "none"),
    ]


def _last_change(platform: _Platform, signal: int) -> float:
    """When the newest sample became queryable after which none came for a while."""
    newest, seen = platform.newest(signal), time.time()
    deadline = time.monotonic() + _PATIENCE_S
    while time.time() - seen < _QUIET_S:
        if time.monotonic() > deadline:
            raise PipelineError("values still came long after all should have been there")
        time.sleep(0.02)
        present = platform.newest(signal)
        if present != newest:
            newest, seen = present, time.time()
    return seen


def _freshness(
    plan: Plan,
    server: ReplayServer,
    platform: _Platform,
    folder: Path,
    seconds: float,
    tell: Callable[[str], None],
) -> list[Figure]:
    with _gateway(server.url(plan), folder / "gateway", platform):
        _until("signals are declared", lambda: len(_signals(platform)) == plan.items)
        signal = _signals(platform)[0]
        _until("the first value can be queried", lambda: platform.newest(signal) is not None, 0.01)
        time.sleep(_QUIET_S)
        ages = _ages(platform, signal, seconds)
    rate = plan.items / plan.period_s
    p50, p99 = (float(np.percentile(ages, at)) * 1000 for at in (50, 99))
    tell(f"freshness at {rate:,.0f} values/s: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return [
        judged("freshness_p99_ms", p99, "ms", "lower", bar=300.0),
        judged("freshness_p50_ms", p50, "ms", "lower"),
        Figure("freshness_values_per_s", rate, "1/s", "none"),
    ]


def _ages(platform: _Platform, signal: int, seconds: float) -> list[float]:
    """For every change of the signal: how old it was when a reader first could have seen it."""
    ages: list[float] = []
    last = platform.newest(signal) or 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_POLL_S)
        newest = platform.newest(signal) or 0.0
        now = time.time()
        # Every change between the two looks is counted with its own age, not only the newest.
        changes = round((newest - last) / _CHANGE_S)
        ages += [now - newest + back * _CHANGE_S for back in range(changes)]
        last = newest
    if not ages:
        raise PipelineError("no value changed while freshness was measured")
    return ages


def _conditions(options: PipelineOptions) -> dict[str, object]:
    return {
        "values": options.values,
        "items": options.items,
        "values a notification": options.items,
        "server": "replays float64 with times of its own clock; its processor time is not counted",
        "gateway": "the product's: gap tracking, spool with fdatasync, acknowledgement, HTTP",
        "platform": "the product's server process: check, log with fdatasync, buffer, segments",
        "freshness": "1,000 items each 10 ms, published each 50 ms, seen through /latest over HTTP",
    }
