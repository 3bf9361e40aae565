"""Runs one function over many tenants on a Dask cluster, and outlives workers that die."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from distributed import Client, Future

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from distributed import Security

    Tell = Callable[[int, int], None]

Name = TypeVar("Name", bound="Hashable")
Result = TypeVar("Result")

PATIENCE_S: Final = 900.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_TRIES_AFTER_ERROR: Final = 1

# Dask's own functions carry no annotations.
_client: Callable[..., Client] = Client
_cancel: Callable[..., Any] = Client.cancel
_when_done: Callable[..., Any] = Future.add_done_callback


class JobStalled(RuntimeError):  # noqa: N818 - says what happened
    """No task ended for a long time: there are no workers, or none comes through."""


@dataclass(slots=True)
class Outcome(Generic[Name, Result]):
    """What came of a job.

    Attributes:
        done: by task, its result.
        failed: by task, why it has none, in words; one tenant's damaged table does not stop the city.
    """

    done: dict[Name, Result] = field(default_factory=dict)
    failed: dict[Name, str] = field(default_factory=dict)


def unsaid(_ended: int, _of: int) -> None:
    """Tells nobody how far a job is."""


def connect(scheduler: str, security: Security | None = None, timeout_s: float = 30.0) -> Client:
    """A client of a running scheduler.

    Args:
        scheduler: its address, ``tls://host:port``; ``tcp://`` only on this machine, because whoever reaches
            a scheduler runs code on its workers and reads what they read.
        security: certificates; by default those of Dask's own configuration.
        timeout_s: how long to try.

    Raises:
        ValueError: an address without TLS outside this machine.
        OSError: no scheduler answers.
    """
    parts = urlsplit(scheduler)
    if parts.scheme != "tls" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"the scheduler {scheduler} must be reached by tls://; tcp:// stays on one machine")
    return _client(scheduler, security=security, timeout=timeout_s, set_as_default=False)


def run(
    client: Client,
    function: Callable[..., Result],
    tasks: Mapping[Name, tuple[Any, ...]],
    patience_s: float = PATIENCE_S,
    tell: Tell = unsaid,
) -> Outcome[Name, Result]:
    """Call the function once with each task's arguments, on any worker.

    A task whose worker died is done again by another one, so it must change nothing but its result.

    Args:
        client: of the cluster.
        function: importable on the workers.
        tasks: by name, the arguments.
        patience_s: how long to wait for the next task to end.
        tell: called after each task with how many have ended, done or failed, and how many there are.

    Raises:
        JobStalled: nothing ended for that long; what was asked is cancelled.
    """
    job = uuid.uuid4().hex
    asked = {
        client.submit(function, *arguments, key=f"city-{job}-{number}", retries=_TRIES_AFTER_ERROR): name
        for number, (name, arguments) in enumerate(tasks.items())
    }
    ended: Queue[Any] = Queue()
    for future in asked:
        _when_done(future, ended.put)
    outcome: Outcome[Name, Result] = Outcome()
    try:
        while asked:
            future = ended.get(timeout=patience_s)
            _take(future, asked.pop(future), outcome, patience_s)
            tell(len(tasks) - len(asked), len(tasks))
    except (Empty, TimeoutError) as error:
        raise JobStalled(
            f"{len(asked)} of {len(tasks)} tasks are left and none ended within {patience_s:.0f} s; "
            "see whether the scheduler has workers, then run the job again"
        ) from error
    finally:
        _cancel(client, list(asked))
    return outcome


def _take(future: Any, name: Name, outcome: Outcome[Name, Result], patience_s: float) -> None:  # noqa: ANN401 - Dask's own
    if future.status == "finished":
        # The worker may have died since; then its task is done again first.
        outcome.done[name] = future.result(timeout=patience_s)
    else:
        outcome.failed[name] = f"{future.exception(timeout=patience_s)}"
    future.release()
