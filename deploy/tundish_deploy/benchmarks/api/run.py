"""`tundish bench api`: one server process of the product, asked over HTTP on loopback."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import httpx
import numpy as np
import pyarrow as pa

from tundish_deploy.benchmarks.api.city import found_city
from tundish_deploy.benchmarks.api.load import LoadError, ask, rows_of, steady
from tundish_deploy.benchmarks.ending import end
from tundish_deploy.benchmarks.opcua.processes import cpu_s, free_ports, pin
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_deploy.benchmarks.api.city import Caller
    from tundish_deploy.benchmarks.api.load import Latencies

_START_S: Final = 120.0
_ARROW: Final = "application/vnd.apache.arrow.stream"
_ROWS_A_BODY: Final = 2_500_000
_INGEST_SIGNALS: Final = 500
_SEARCHES: Final = (("kind", "pressure.hydraulic"), ("search", "振动速度"), ("unit", "kW"))
_SEARCH_ROUNDS: Final = 10
_EVERYDAY_BAR_MS, _SEARCH_BAR_MS, _INGEST_BAR = 50.0, 50.0, 1e6
_WARM_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """How large the city is, and how long it calls.

    Attributes:
        rows: of the bulk ingest.
    """

    tenants: int = 4_172
    signals: int = 500_000
    callers: int = 400
    rate: float = 300.0
    seconds: float = 20.0
    rows: int = 20_000_000


def bench_api(options: Options, tell: Callable[[str], None]) -> Report:
    """Measure; Linux only, for it reads ``/proc``.

    Raises:
        LoadError: the server did not start, or refused something.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (port,) = free_ports(1)
        settings = settings_file(folder, port)
        tell(f"making {options.tenants} tenants with {options.signals} signals")
        url = f"sqlite:///{folder / 'data' / 'metadata.sqlite'}"
        callers = found_city(url, options.tenants, options.signals, options.callers)
        with served(settings, port) as pid:
            for caller in callers:
                _once(port, caller, "POST", "/telemetry", rows_of(caller))
            tell(f"everyday calls at {options.rate:g} a second for {options.seconds:g} s")
            steady(port, callers, options.rate, _WARM_S)
            used, began = cpu_s(pid), time.perf_counter()
            found = steady(port, callers, options.rate, options.seconds)
            share = (cpu_s(pid) - used) / (time.perf_counter() - began)
            figures = [*_everyday(found), Figure("everyday_cores", share, "cores", "none")]
            figures.append(_search(port, callers[0]))
            tell(f"bulk ingest of {options.rows} rows")
            figures += _ingest(port, callers[0], options.rows, pid)
    return Report("bench api", _conditions(options, callers), figures)


def settings_file(folder: Path, port: int) -> Path:
    """The settings of a server whose data lie in a folder."""
    (folder / "data").mkdir()
    file = folder / "tundish.toml"
    # The limits of requests are counted, but never reached: a few keys stand for a city.
    rates = "".join(f"[server.{who}_rate]\nper_s = 1e6\nburst = 1000000\n" for who in ("key", "tenant"))
    head = f'data_dir = "{folder}/data"\nlog_level = "ERROR"\n'
    file.write_text(f"{head}[server]\nport = {port}\n{rates}", "utf-8")
    return file


@contextmanager
def served(settings: Path, port: int, core: int | None = 0) -> Iterator[int]:
    """One server process of the product, on a core of its own or on all; its number."""
    command = [sys.executable, "-W", "ignore", "-m", "tundish_deploy", "part", "server"]
    process = subprocess.Popen([*command, "--settings", str(settings)])  # noqa: S603 - our own module
    try:
        if core is not None:
            pin(process.pid, core)
        deadline = time.monotonic() + _START_S
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LoadError("the server did not start")
            time.sleep(0.2)
        yield process.pid
    finally:
        end(process)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _once(
    port: int,
    caller: Caller,
    method: str,
    path: str,
    body: bytes | None = None,
    media: str = "application/json",
) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        return ask(connection, caller.token, method, f"/tenants/{caller.tenant}{path}", body, media)


def _everyday(found: Latencies) -> list[Figure]:
    every = np.array(found.every)
    p99 = float(np.percentile(every, 99))
    return [
        judged("everyday_p99_ms", p99, "ms", "lower", bar=_EVERYDAY_BAR_MS),
        Figure("everyday_p50_ms", float(np.percentile(every, 50)), "ms", "lower"),
        *(
            Figure(f"everyday_{name}_p99_ms", float(np.percentile(ms, 99)), "ms", "lower")
            for name, ms in sorted(found.by_call.items())
        ),
        Figure("everyday_late_p99_ms", float(np.percentile(found.lateness, 99)), "ms", "lower"),
    ]


def _search(port: int, caller: Caller) -> Figure:
    """The slowest of some searches by name, kind and unit, each the median of its rounds."""
    # One signal, behind all others of its kind.
    last = ("search", f"bearing temperature {caller.signals // 5 * 5}")
    slowest = 0.0
    for name, text in (last, *_SEARCHES):
        path, taken = f"/signals?{httpx.QueryParams({name: text, 'limit': 50})}", []
        for _ in range(_SEARCH_ROUNDS):
            began = time.perf_counter()
            rows = json.loads(_once(port, caller, "GET", path))
            taken.append((time.perf_counter() - began) * 1_000)
            if not rows:
                raise LoadError(f"the search for {text!r} found nothing")
        slowest = max(slowest, float(np.median(taken)))
    return judged("signal_search_ms", slowest, "ms", "lower", bar=_SEARCH_BAR_MS)


def _ingest(port: int, caller: Caller, rows: int, pid: int) -> list[Figure]:
    bodies = [_body(n, caller) for n in range(max(1, rows // _ROWS_A_BODY))]
    used, began, stored = cpu_s(pid), time.perf_counter(), 0
    for body in bodies:
        stored += json.loads(_once(port, caller, "POST", "/telemetry", body, _ARROW))["rows"]
    wall, cpu = time.perf_counter() - began, cpu_s(pid) - used
    if stored != len(bodies) * _ROWS_A_BODY:
        raise LoadError(f"{stored} rows were acknowledged, {len(bodies) * _ROWS_A_BODY} sent")
    return [
        judged("arrow_ingest_rows_per_s", stored / wall, "1/s", "higher", bar=_INGEST_BAR),
        Figure("arrow_ingest_cpu_s_per_million", cpu / stored * 1e6, "s", "lower"),
    ]


def _body(number: int, caller: Caller) -> bytes:
    """Samples of 500 signals, second by second, each body behind the one before."""
    signals = min(_INGEST_SIGNALS, caller.signals)
    steps = _ROWS_A_BODY // signals
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number * steps)
    first = np.datetime64(start.replace(tzinfo=None), "us")
    ts = np.repeat(first + np.arange(steps).astype("timedelta64[s]"), signals)
    count = steps * signals
    table = pa.table(
        {
            "signal": pa.array(np.tile(np.arange(1, signals + 1, dtype=np.uint32), steps)),
            "ts": pa.array(ts, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
            "value": pa.array(np.round(np.sin(np.arange(count) / 977) * 100, 2)),
            "status": pa.array(np.zeros(count, dtype=np.uint32)),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _conditions(options: Options, callers: Sequence[Caller]) -> dict[str, object]:
    return {
        "tenants": options.tenants,
        "signals": options.signals,
        "signals_of_largest_tenant": callers[0].signals,
        "callers": len(callers),
        "requests_per_s": options.rate,
        "seconds": options.seconds,
        "ingest_rows": options.rows // _ROWS_A_BODY * _ROWS_A_BODY,
        "server": "one process on one core, metadata in SQLite; the client on another",
    }
