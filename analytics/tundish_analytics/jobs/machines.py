"""The job of one model a machine: on this machine's cores, or on the cluster where there is one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from joblib import Parallel, delayed

from tundish_analytics.city.machine import MachineModel, machine_model, machine_tasks
from tundish_analytics.city.tables import TenantTables
from tundish_analytics.jobs.held import Hopeless
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tundish_analytics.jobs.tools import Tell, Tools
    from tundish_platform.sdk.calls.job_answers import Claimed

    Tasks = Mapping[str, tuple[Any, ...]]

_SHOWN_FAILURES: Final = 50


def train_machines(tools: Tools, job: Claimed, tell: Tell) -> dict[str, Any]:
    """Train a model for each machine with a signal of the target's kind, into the tenant's own folder.

    Each model is stored as soon as it is there, so a job that ends early leaves those that it came to.

    Raises:
        Hopeless: no machine has such a signal beside others, or none had enough good values.
        JobStalled: the cluster has no workers.
    """
    said, now = job["arguments"], utc_now()
    signals = tuple(tools.client.signals(job["tenant"]))
    tables = TenantTables(job["tenant"], str(tools.tables / job["tenant"]) if tools.tables else "", signals)
    window = (now - timedelta(days=said["days"]), now)
    tasks = machine_tasks(tables.pinned(), said["target"], window, timedelta(minutes=said["step_minutes"]))
    if not tasks:
        raise Hopeless(
            f"没有设备具有 {said['target']} 信号及其他可用信号。",
            f"No machine has a signal of {said['target']} beside others.",
        )
    models = _on_cluster(tools, tasks, tell) if tools.scheduler else _here(tools.cores, tasks, tell)
    better, failed, count = 0, {}, 0
    for machine, found in models:
        if isinstance(found, MachineModel):
            tools.registry.store(job["tenant"], found.card, {"model": found.model})
            better, count = better + (found.mae < found.baseline_mae), count + 1
        else:
            failed[machine] = found
    if not count:
        raise Hopeless("所有设备均未训练成功: " + next(iter(failed.values())), next(iter(failed.values())))
    shown = dict(sorted(failed.items())[:_SHOWN_FAILURES])
    return {"models": count, "better_than_mean": better, "failed": len(failed), "failures": shown}


def _here(cores: int, tasks: Tasks, tell: Tell) -> Iterator[tuple[str, MachineModel | str]]:
    """The models as they are ready, from so many processes."""
    pool = Parallel(n_jobs=cores, return_as="generator_unordered")
    _tell(tell, 0, len(tasks))
    for ended, found in enumerate(pool(delayed(_tried)(name, task) for name, task in tasks.items()), 1):
        yield found
        _tell(tell, ended, len(tasks))


def _tried(machine: str, task: tuple[Any, ...]) -> tuple[str, MachineModel | str]:
    """A machine's model, or why there is none: one machine's damaged data does not stop the others."""
    try:
        return machine, machine_model(*task)
    except (ValueError, LookupError, ArithmeticError, OSError) as error:
        return machine, f"{error}"[:200]


def _on_cluster(tools: Tools, tasks: Tasks, tell: Tell) -> Iterator[tuple[str, MachineModel | str]]:
    from tundish_analytics.city.cluster import connect, run  # noqa: PLC0415 - Dask is only where a cluster is

    with connect(tools.scheduler) as cluster:
        outcome = run(cluster, machine_model, tasks, tell=lambda ended, of: _tell(tell, ended, of))
    yield from outcome.done.items()
    yield from ((machine, why[:200]) for machine, why in outcome.failed.items())


def _tell(tell: Tell, ended: int, of: int) -> None:
    tell(ended / of, f"已完成 {ended} / {of} 台设备", f"{ended} of {of} machines are done")
