"""Takes one job after the other, of all tenants that the key serves."""

from __future__ import annotations

import importlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import structlog

from tundish_analytics.jobs.held import Held, Hopeless, Over
from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from tundish_analytics.jobs.tools import Tell, Tools
    from tundish_platform.sdk.calls.job_answers import Claimed

    Kind = Callable[[Tools, Claimed, Tell], dict[str, Any]]

_log = structlog.get_logger(__name__)

# By name: scikit-learn and all that is imported with the first job of a kind, not by a worker that waits.
KINDS: Final = {
    "train": "tundish_analytics.jobs.line:train_line",
    "evaluate": "tundish_analytics.jobs.line:evaluate_line",
    "train-machines": "tundish_analytics.jobs.machines:train_machines",
    "trial": "tundish_analytics.jobs.trial:try_app",
}
LEASE_S: Final = 60.0
_WAIT_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 30.0
_TOKEN_REFUSED: Final = 401
# What wrong data raises: the same data would raise it again.
_OF_DATA: Final = (ValueError, LookupError, ArithmeticError, np.linalg.LinAlgError, pa.ArrowInvalid)


def run_jobs(tools: Tools, stop: Event) -> None:
    """Take and do jobs until told to stop; while the platform is away, try again after ever longer pauses.

    Args:
        tools: what jobs work with.
        stop: ends the loop, and the job at its next piece; that job is given back.

    Raises:
        ApiError: the token is refused; no waiting would mend that.
    """
    pause = 1.0
    while not stop.is_set():
        try:
            found = take_one(tools, stop)
            pause = 1.0
        except ApiError as error:
            if error.status == _TOKEN_REFUSED:
                raise
            found, pause = False, min(2 * pause, _LONGEST_PAUSE_S)
            _log.warning("jobs_wait_for_the_platform", reason=str(error))
        if not found:
            stop.wait(pause)


def take_one(tools: Tools, stop: Event, lease_s: float = LEASE_S) -> bool:
    """Take a job and do it; returns whether there was one.

    Raises:
        ApiError: the platform does not answer, or refuses the token.
    """
    able = {"train-machines": _has_tables(tools), "trial": tools.apps is not None}
    kinds = [kind for kind in KINDS if able.get(kind, True)]
    claimed = tools.client.claim_job(kinds, f"{socket.gethostname()}"[:100], lease_s, _WAIT_S)
    for job in claimed:
        _log.info("job_begins", job=job["id"], tenant=job["tenant"], kind=job["kind"])
        with Held(tools.client, job, stop, lease_s) as held:
            report = _done(tools, job, held)
        _send(job, report)
        if stop.is_set():
            break
    return bool(claimed)


def _done(tools: Tools, job: Claimed, held: Held) -> Callable[[], object]:
    """Do the job; returns how its end is to be reported."""
    client = tools.client
    try:
        result = _kind(job["kind"])(tools, job, held.tell)
    except Over:
        # Only a worker that stops still holds it; of any other report the platform knows that it is late.
        zh, en = "执行进程停止, 任务将重新执行。", "The worker was stopped; the job is tried again."
        return lambda: client.fail_job(job, zh, en)
    except Hopeless as why:
        zh, en = why.zh, why.en
        return lambda: client.fail_job(job, zh[:400], en[:400], again=False)
    except Exception as error:  # noqa: BLE001 - whatever a job raises is its own failure; the worker goes on
        _log.exception("job_failed", job=job["id"], tenant=job["tenant"], kind=job["kind"])
        words, again = f"{type(error).__name__}: {error}"[:400], not isinstance(error, _OF_DATA)
        return lambda: client.fail_job(job, words, words, again=again)
    return lambda: client.finish_job(job, result)


def _send(job: Claimed, report: Callable[[], object]) -> None:
    try:
        report()
    except ApiError as error:
        # The platform gives the job to somebody else once the lease is over, or did so already.
        _log.warning("job_report_refused", job=job["id"], tenant=job["tenant"], reason=str(error))


def _has_tables(tools: Tools) -> bool:
    return tools.tables is not None and Path(tools.tables).is_dir()


def _kind(name: str) -> Kind:
    module, _, function = KINDS[name].partition(":")
    found: Kind = getattr(importlib.import_module(module), function)
    return found
