"""The analytics process: trains what is untrained, scores what is new, waits while the platform is away."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pyarrow as pa
import structlog

from tundish_analytics.models.registry import Registry, RegistryError
from tundish_analytics.worker.hydraulic import HydraulicPipeline
from tundish_analytics.worker.igbt import IgbtPipeline
from tundish_analytics.worker.mosfet import MosfetPipeline
from tundish_analytics.worker.pipeline import NotReady, Pipeline, sites_of
from tundish_analytics.worker.plates import PlatePipeline
from tundish_platform.sdk.client import ApiError, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from threading import Event

    from tundish_analytics.models.registry import ModelCard
    from tundish_analytics.worker.windows import Windows

Stage = Literal["waiting", "training", "ready", "scored", "failed", "offline"]

_log = structlog.get_logger(__name__)

PIPELINES: Final[tuple[type[Pipeline], ...]] = (
    HydraulicPipeline,
    IgbtPipeline,
    MosfetPipeline,
    PlatePipeline,
)
_TICK_S: Final = 2.0
_REDISCOVER_S: Final = 30.0
_TRAIN_RETRY_S: Final = 5.0
_REST_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 30.0
_SERVER_ERROR: Final = 500
_TOKEN_REFUSED: Final = 401
# What wrong data or a damaged model can raise; anything else is a bug and must end the process loudly.
_FAILURES: Final = (
    ValueError,
    LookupError,
    ArithmeticError,
    RegistryError,
    np.linalg.LinAlgError,
    pa.ArrowException,
)


@dataclass(frozen=True, slots=True)
class Progress:
    """What the worker is at, for whoever started it.

    Attributes:
        stage: ``waiting`` for history, ``training``, ``ready`` with a model, ``scored`` new windows,
            ``failed`` for one pipeline, ``offline`` while the platform does not answer.
        count: predictions written, for ``scored``.
    """

    stage: Stage
    tenant: str = ""
    line: str = ""
    model: str = ""
    zh: str = ""
    en: str = ""
    count: int = 0


@dataclass(slots=True)
class _Job:
    """One pipeline with its state in the loop; `due` is the monotonic time before which it rests."""

    pipeline: Pipeline
    prepared: bool = False
    due: float = 0.0
    said: str = ""


@dataclass(slots=True)
class Worker:
    """Runs all pipelines of some tenants, one after the other, in one thread.

    Attributes:
        client: the platform.
        tenants: their slugs.
        registry: where models are stored.
        tell: called with each `Progress`; a state is not repeated while it lasts.
    """

    client: Windows
    tenants: Sequence[str]
    registry: Registry
    tell: Callable[[Progress], None]
    _jobs: dict[tuple[str, str, str], _Job] = field(default_factory=dict)
    _discovered: float = float("-inf")

    def discover(self) -> None:
        """Bind pipelines to the lines there are; known ones keep their state."""
        for tenant in self.tenants:
            for site in sites_of(self.client, tenant, self.registry):
                for kind in PIPELINES:
                    key = (tenant, site.line, kind.model_id)
                    if key not in self._jobs and (pipeline := kind.bind(site)):
                        self._jobs[key] = _Job(pipeline)
                    elif key in self._jobs and not self._jobs[key].prepared and (fresh := kind.bind(site)):
                        # More signals may have been declared since; nothing is lost before training.
                        fresh.adopt(self._jobs[key].pipeline)
                        self._jobs[key].pipeline = fresh
                    elif key in self._jobs and self._replaced(self._jobs[key]) and (fresh := kind.bind(site)):
                        self._jobs[key].pipeline, self._jobs[key].prepared = fresh, False
        self._discovered = time.monotonic()

    def _replaced(self, job: _Job) -> bool:
        """Whether a job of training has put another version in place of the one in use."""
        site, pipeline = job.pipeline.site, job.pipeline
        current = self.registry.current(site.tenant, site.line, pipeline.model_id)
        return job.prepared and current is not None and current != pipeline.card.version

    def tick(self) -> int:
        """Every pipeline's turn, once; returns the number of predictions written.

        Raises:
            ApiError: the platform does not answer, or refuses the token.
        """
        if time.monotonic() - self._discovered >= _REDISCOVER_S:
            self.discover()
        return sum(self._turn(job) for job in self._jobs.values() if job.due <= time.monotonic())

    def _turn(self, job: _Job) -> int:
        try:
            if not job.prepared:
                self._prepare(job)
            written = job.pipeline.score()
        except NotReady as wait:
            job.due = time.monotonic() + _TRAIN_RETRY_S
            self._tell(job, "waiting", wait.zh, wait.en)
            return 0
        except ApiError as error:
            if error.status in {0, _TOKEN_REFUSED} or error.status >= _SERVER_ERROR:
                raise
            return self._failed(job, error.message_zh or error.message, error.message)
        except _FAILURES as error:
            _log.exception("pipeline_failed", model=job.pipeline.model_id, line=job.pipeline.site.line)
            return self._failed(job, f"{error}", f"{error}")
        if written:
            self._tell(job, "scored", count=written)
        return written

    def _prepare(self, job: _Job) -> None:
        if not job.pipeline.restore():
            job.pipeline.train(lambda: self._tell(job, "training"))
        job.prepared = True
        self._tell(job, "ready", job.pipeline.card.version, job.pipeline.card.version)

    def _failed(self, job: _Job, zh: str, en: str) -> int:
        job.due = time.monotonic() + _REST_S
        self._tell(job, "failed", zh, en)
        return 0

    def _tell(self, job: _Job, stage: Stage, zh: str = "", en: str = "", count: int = 0) -> None:
        site = job.pipeline.site
        # States are told when they change, work is told each time.
        if stage == "scored" or f"{stage}{en}" != job.said:
            job.said = f"{stage}{en}"
            self.tell(Progress(stage, site.tenant, site.line, job.pipeline.model_id, zh, en, count))


def train(
    client: Windows, tenant: str, line: str, registry: Registry, tell: Callable[[Progress], None]
) -> list[ModelCard]:
    """Train all models of one line anew on the history in the store.

    Args:
        client: the platform.
        tenant: slug.
        line: path of the line.
        registry: where the models are stored; the new versions become the current ones.
        tell: called with what is waited for or done.

    Returns:
        The cards of the models that could be trained.

    Raises:
        ApiError: the platform does not answer or refuses.
    """
    cards = []
    for site in sites_of(client, tenant, registry):
        bound = [pipeline for kind in PIPELINES if (pipeline := kind.bind(site))] if site.line == line else []
        for pipeline in bound:
            pipeline.skip_import_check()
            place = (tenant, line, pipeline.model_id)
            try:
                cards.append(pipeline.train(partial(tell, Progress("training", *place))))
                tell(Progress("ready", *place, cards[-1].version, cards[-1].version))
            except NotReady as wait:
                tell(Progress("waiting", *place, wait.zh, wait.en))
    return cards


def run_worker(
    base_url: str,
    token: str,
    tenants: Sequence[str],
    registry_root: Path,
    stop_event: Event,
    on_progress: Callable[[Progress], None],
) -> None:
    """Train and score until told to stop; while the platform is away, try again after ever longer pauses.

    Args:
        base_url: of the platform.
        token: of a service account that may read and ingest for the tenants.
        tenants: their slugs.
        registry_root: folder of the models.
        stop_event: ends the loop after the present pipeline's turn.
        on_progress: called with each change.

    Raises:
        ApiError: the token is refused; no waiting would mend that.
    """
    pause = _TICK_S
    with Client(base_url, token) as client:
        worker = Worker(client, tenants, Registry(registry_root), on_progress)
        while not stop_event.is_set():
            begun = time.monotonic()
            try:
                worker.tick()
                pause = _TICK_S
            except ApiError as error:
                if error.status == _TOKEN_REFUSED:
                    raise
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                on_progress(Progress("offline", zh=error.message_zh or error.message, en=error.message))
            stop_event.wait(max(pause - (time.monotonic() - begun), 0.1))
