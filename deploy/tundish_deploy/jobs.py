"""The worker, the app runner and the jobs: processes that use the public API with a token of their own."""

from __future__ import annotations

import os
from secrets import token_urlsafe
from typing import TYPE_CHECKING

import structlog

from tundish_deploy.secrets import secret

if TYPE_CHECKING:
    import threading

    from tundish_analytics.worker import Progress
    from tundish_deploy.settings import Settings
    from tundish_platform.sdk.calls.alert_answers import Outcomes

log = structlog.get_logger(__name__)

_NICENESS = 10


def _behind_others() -> None:
    """Let live scoring and the API come first wherever a core is short."""
    from tundish_platform.sdk.confine import stand_back

    os.nice(_NICENESS)
    stand_back()


def _token(settings: Settings) -> str:
    if settings.worker.token_file is None:
        raise ValueError("worker.tenants is set and worker.token_file is not: the worker needs a token")
    return secret(settings.worker.token_file).get_secret_value()


def run_analytics(settings: Settings, stopped: threading.Event) -> None:
    """Train each line's models on its history and score what arrives, until told to stop."""
    from tundish_analytics.worker import run_worker

    def tell(progress: Progress) -> None:
        log.info(progress.stage, tenant=progress.tenant, model=progress.model, text=progress.en)

    run_worker(
        settings.server.reached,
        _token(settings),
        settings.worker.tenants,
        settings.data_dir / "models",
        stopped,
        tell,
        settings.model_key,
    )


def field_outcomes(settings: Settings, tenant: str) -> Outcomes:
    """What people said of a tenant's alerts, asked with the worker's token.

    Raises:
        ApiError: the platform does not answer, or the worker may not read there.
        ValueError: the worker has no token.
    """
    from tundish_platform.sdk.client import Client

    with Client(settings.server.reached, _token(settings)) as client:
        return client.alert_outcomes(tenant)


def run_apps(settings: Settings, stopped: threading.Event) -> None:
    """Run subscribed apps when they are due, until told to stop."""
    from contextlib import nullcontext

    from tundish_platform.marketplace.appqueue import AppQueue, best_forks
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.marketplace.publishing import FetchedPackages, PackageFolder
    from tundish_platform.marketplace.runner import Runner
    from tundish_platform.sdk.client import Client

    _behind_others()
    with Client(settings.server.reached, _token(settings)) as client, best_forks() or nullcontext() as forks:
        packages = FetchedPackages(client, PackageFolder(settings.data_dir / "apps"))
        runner = Runner(
            client, Catalogue.find(), packages=packages, forks=forks, holder=token_urlsafe(24),
            lease_s=settings.worker.app_lease_s,
        )  # fmt: skip
        AppQueue(runner, settings.worker.tenants).work(stopped)


def run_queue(settings: Settings, stopped: threading.Event) -> None:
    """Take jobs from the queue and do them, until told to stop."""
    from tundish_analytics.jobs import Tools, run_jobs
    from tundish_analytics.models.registry import Registry
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.marketplace.publishing import FetchedPackages, PackageFolder
    from tundish_platform.sdk.client import Client

    _behind_others()
    with Client(settings.server.reached, _token(settings)) as client:
        packages = FetchedPackages(client, PackageFolder(settings.data_dir / "apps"))
        shelved = Catalogue.find().versions
        tools = Tools(
            client,
            Registry(settings.data_dir / "models", settings.model_key),
            (settings.data_dir / "store" / "tenants").resolve(),
            settings.worker.cores,
            settings.worker.scheduler,
            lambda tenant: {**packages(tenant), **shelved},
        )
        run_jobs(tools, stopped)
