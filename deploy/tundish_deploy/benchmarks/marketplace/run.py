"""`tundish bench marketplace`: the sandbox and the queue of apps, beside a process for each run."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.api.run import served, settings_file
from tundish_deploy.benchmarks.marketplace.overhead import beyond_own_work, echo_app, window_of
from tundish_deploy.benchmarks.marketplace.plants import APP, Kept, Round, found_plants, send
from tundish_deploy.benchmarks.opcua.processes import cpu_s, free_ports
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.marketplace.forks import ForkServer
from tundish_platform.sdk.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

_OVERHEAD_BAR_S: Final = 0.5
_PER_MINUTE_BAR: Final = 500.0
_CORES: Final = 2
_CPU_BAR_S: Final = 60.0 * _CORES / _PER_MINUTE_BAR


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured.

    Attributes:
        rows: handed to the app.
        runs: of the sandbox, each way.
        subscriptions: as many tenants with one each.
    """

    rows: int = 100_000
    runs: int = 20
    subscriptions: int = 500


def bench_marketplace(options: Options, tell: Callable[[str], None]) -> Report:
    """Measure.

    Raises:
        LoadError: the server did not start.
        RuntimeError: no bubblewrap, or a run went wrong.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        tell(f"{options.runs} runs over {options.rows} rows, forked and in processes of their own")
        figures = _overhead(folder, options)
        tell(f"{options.subscriptions} subscriptions, all due at once")
        figures += _queue(folder, options)
    conditions = {
        "rows in": options.rows, "values out": options.rows, "runs": options.runs, "app of the queue": APP,
        "subscriptions": options.subscriptions, "tenants": options.subscriptions,
        "cores": len(os.sched_getaffinity(0)), "server, queue and sandboxes": "on the same cores",
    }  # fmt: skip
    return Report("bench marketplace", conditions, figures)


def _overhead(folder: Path, options: Options) -> list[Figure]:
    app = echo_app(folder)
    inputs = window_of(app, options.rows)
    with ForkServer() as forks:
        begun = time.perf_counter()
        beyond_own_work(app, inputs, forks)
        start = time.perf_counter() - begun
        # In turn, so that what else the machine does falls on both.
        pairs = [
            (beyond_own_work(app, inputs, forks), beyond_own_work(app, inputs, None))
            for _ in range(options.runs)
        ]
    forked, own = (statistics.median(column) for column in zip(*pairs, strict=True))
    peers = {"a process for each run": own}
    return [
        judged("sandbox_overhead_s", forked, "s", "lower", bar=_OVERHEAD_BAR_S, peers=peers),
        Figure("sandbox_first_start_s", start, "s", "none"),
    ]


def _queue(folder: Path, options: Options) -> list[Figure]:
    (port,) = free_ports(1)
    settings = settings_file(folder, port)
    token, signals = found_plants(f"sqlite:///{folder / 'data' / 'metadata.sqlite'}", options.subscriptions)
    with (
        served(settings, port, core=None) as server,
        closing(Client(f"http://127.0.0.1:{port}", token)) as client,
        ForkServer() as forks,
    ):
        send(client, signals)
        round_ = Round(client, list(signals), forks, _CORES)
        # The first declares signals and starts the fork server, once for all time.
        round_.run()
        used = cpu_s(server) + time.process_time()
        kept = round_.run()
        used = cpu_s(server) + time.process_time() - used
    return _kept_up(kept, used)


def _kept_up(kept: Kept, used: float) -> list[Figure]:
    a_minute = 60 * kept.runs / kept.seconds
    return [
        judged("subscriptions_per_minute", a_minute, "1/min", "higher", bar=_PER_MINUTE_BAR),
        judged(
            "subscription_cpu_s", (used + kept.sandbox_cpu_s) / kept.runs, "s", "lower", bar=_CPU_BAR_S,
            peers={"of it the sandbox": kept.sandbox_cpu_s / kept.runs},
        ),
    ]  # fmt: skip
