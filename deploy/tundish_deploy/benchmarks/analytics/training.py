"""A model for each of many machines, trained in one job on a cluster of this machine's cores."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from tundish_analytics.city.access import access_city
from tundish_analytics.city.cluster import connect
from tundish_analytics.city.training import CityModels, city_models
from tundish_analytics.models.registry import Registry
from tundish_deploy.benchmarks.analytics.machines import FIRST_DAY, TARGET, publish
from tundish_deploy.benchmarks.clock import Cost, Stopwatch
from tundish_deploy.benchmarks.opcua.processes import cpu_s
from tundish_platform.tenancy import Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distributed import Client

MACHINES_A_TENANT: Final = 100
DAYS: Final = 2
STEP: Final = timedelta(minutes=5)
# So many models are also given to the registry, which writes each durably.
STORED: Final = 50
_START_S: Final = 120.0


@dataclass(slots=True)
class Trained:
    """What the job took.

    Attributes:
        cost: of the job: scheduler, workers and the one who asked; a unit is a model.
        storing: of giving some models to the registry.
        failed: machines without a model.
        better: models that are nearer to unseen steps than the mean is.
        told: how often progress was told.
    """

    cost: Cost = field(default_factory=Cost)
    storing: Cost = field(default_factory=Cost)
    failed: int = 0
    better: int = 0
    told: int = 0


def train_machines(folder: Path, machines: int, workers: int, tell: Callable[[int, int], None]) -> Trained:
    """Train a model for each of so many machines, 100 a tenant, on two days of published tables.

    Raises:
        JobStalled: no worker comes through.
    """
    each = min(machines, MACHINES_A_TENANT)
    tenants = publish(folder / "tenants", -(-machines // each), each, DAYS)
    begin = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    window = (begin, begin + timedelta(days=DAYS))
    operator = Principal(0, "bench", roles=frozenset({Role.PLATFORM_OPERATOR}))
    access = access_city(operator, [tenant.slug for tenant in tenants])
    trained = Trained()

    def told(ended: int, of: int) -> None:
        trained.told += 1
        tell(ended, of)

    with _cluster(folder, workers) as (client, processes):
        used = sum(map(cpu_s, processes))
        with Stopwatch() as watch:
            found = city_models(client, access, tenants, TARGET, window, STEP, tell=told)
        trained.cost.add(watch, len(found.models))
        trained.cost.cpu += sum(map(cpu_s, processes)) - used
    trained.failed = len(found.failed)
    trained.better = sum(model.mae < model.baseline_mae for model in found.models.values())
    some = CityModels(dict(islice(found.models.items(), STORED)), {})
    with Stopwatch() as watch:
        some.store(Registry(folder / "models"))
    trained.storing.add(watch, len(some.models))
    return trained


@contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[tuple[Client, list[int]]]:
    """A scheduler and single-threaded workers, each a process; their client and their numbers."""
    file = folder / "scheduler.json"
    started = [_process(folder, "scheduler", "--port", "0", "--no-show")]
    try:
        alone = ("--nthreads", "1", "--memory-limit", "0", "--no-nanny")
        started += [_process(folder, "worker", *alone) for _ in range(workers)]
        _wait_for(file, started)
        with connect(json.loads(file.read_text())["address"], timeout_s=_START_S) as client:
            client.wait_for_workers(workers, timeout=_START_S)
            yield client, [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def _process(folder: Path, part: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{part}"]
    common = ["--scheduler-file", str(folder / "scheduler.json"), "--host", "127.0.0.1", "--no-dashboard"]
    with (folder / "cluster.log").open("ab") as log:
        return subprocess.Popen([*command, *common, *options], cwd=folder, stdout=log, stderr=log)  # noqa: S603 - our own interpreter


def _wait_for(file: Path, started: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_S
    while not file.exists():
        if started[0].poll() is not None or time.monotonic() > deadline:
            raise OSError(f"the scheduler did not start; see {file.with_name('cluster.log')}")
        time.sleep(0.1)
