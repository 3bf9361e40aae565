"""Thirty thousand tenants with a batch a minute each, in a process pinned to one core.

Run as a module by the benchmark: ``run``, then ``start`` on the same folder. ``run`` ends without
closing anything, as a killed process would, so the first ``start`` after it recovers from the log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_deploy.benchmarks.store.ours import database, scopes
from tundish_deploy.benchmarks.store.processes import resident_bytes
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE_S: Final = 60.0
_SIGNALS: Final = 20
_SAMPLES: Final = 3
_THREADS: Final = 8
_PERCENTILE: Final = 99
BATCH_ROWS: Final = _SIGNALS * _SAMPLES


def measure_fleet(folder: Path, tenants: int, minutes: float) -> dict[str, float]:
    """Memory, processor share and lateness of a running fleet; then recovery and start-up times."""
    database(folder, tenants).close()
    found = _step("run", folder, str(minutes))
    recovered = _step("start", folder)
    started = _step("start", folder)
    times = {"recovery_s": recovered["start_s"], "startup_s": started["start_s"]}
    return {**found, **times, "spill_cpu_s": recovered["spill_cpu_s"]}


def _step(name: str, folder: Path, *arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tundish_deploy.benchmarks.store.fleet", name, str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this module
    if done.returncode:
        raise RuntimeError(f"{name} of the fleet failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(folder: str, minutes: str) -> dict[str, float]:
    """A batch a minute for each tenant, spread evenly over the minute, from a few threads on one core."""
    _on_one_core()
    from tundish_platform.store import Telemetry

    metadata = database(Path(folder), 0)
    known = scopes(metadata)
    store = Telemetry(Path(folder) / "store", metadata)
    batches = [_batch(minute) for minute in range(int(np.ceil(float(minutes))))]
    wanted = max(1, int(len(known) * float(minutes)))
    late: list[float] = []
    begun, spent = time.perf_counter(), time.process_time()

    def send(thread: int) -> None:
        for number in range(thread, wanted, _THREADS):
            due = begun + number * MINUTE_S / len(known)
            time.sleep(max(0.0, due - time.perf_counter()))
            store.append(known[number % len(known)], [batches[number // len(known)]])
            late.append(time.perf_counter() - due)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.perf_counter() - begun, time.process_time() - spent
    return {
        "batches": len(late),
        "cpu_share": cpu / wall,
        "late_p99_s": float(np.percentile(late, _PERCENTILE)),
        "memory_bytes": resident_bytes(os.getpid()),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


def start(folder: str) -> dict[str, float]:
    """How long until samples are taken; then everything is sealed and closed in good order."""
    _on_one_core()
    from tundish_platform.store import Telemetry

    metadata = database(Path(folder), 0)
    known = scopes(metadata)
    begun = time.perf_counter()
    store = Telemetry(Path(folder) / "store", metadata)
    store.append(known[0], [_batch(0)])
    took = time.perf_counter() - begun
    spent = time.process_time()
    store.spill()
    spill = time.process_time() - spent
    store.seal()
    store.close()
    metadata.close()
    return {"start_s": took, "spill_cpu_s": spill}


def _on_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _batch(minute: int) -> SampleBatch:
    """Twenty signals, a sample every twenty seconds."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    seconds = np.repeat(np.arange(_SAMPLES) * (MINUTE_S / _SAMPLES), _SIGNALS)
    ts = int(at.timestamp()) * 1_000_000 + (seconds * 1_000_000).astype(np.int64)
    value = np.round(np.random.default_rng(minute).normal(100, 5, BATCH_ROWS), 2)
    columns: list[Any] = [
        pa.array(np.tile(np.arange(1, _SIGNALS + 1, dtype=np.uint32), _SAMPLES)),
        pa.array(ts).cast(pa.timestamp("us", tz="UTC")),
        pa.array(value),
        pa.array(np.zeros(BATCH_ROWS, np.uint32)),
    ]
    table = pa.table(columns, schema=SCHEMAS[SampleKind.NUMERIC])
    return SampleBatch(SampleKind.NUMERIC, table, at + timedelta(minutes=1))


def main() -> None:
    """Run the step that the first argument names; its figures are the last line."""
    step, *arguments = sys.argv[1:]
    steps: dict[str, Callable[..., dict[str, float]]] = {"run": run, "start": start}
    found = steps[step](*arguments)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    # Nothing is closed: what was acknowledged must be there again at the next start.
    os._exit(0)


if __name__ == "__main__":
    main()
