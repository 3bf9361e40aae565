"""What every kind of job works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_analytics.models.registry import Registry
    from tundish_platform.marketplace import App
    from tundish_platform.sdk.client import Client

Tell = Callable[[float, str, str], None]
"""Called between the pieces of a job with the share that is done, and what comes next in zh and en.

Raises `tundish_analytics.jobs.Over` once the job is not this worker's any more.
"""


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts of a worker.

    Attributes:
        client: the platform.
        registry: where models are stored.
        tables: folder of the tenants' published tables; without it jobs that read them are not taken.
        cores: processes that train machines' models on this machine.
        scheduler: address of a Dask scheduler that trains them instead; empty for none.
        apps: gives the apps that a tenant may try, by id and version; without it trials are not taken.
        trial_budget_s: time that the runs of a trial may take.
    """

    client: Client
    registry: Registry
    tables: Path | None = None
    cores: int = 1
    scheduler: str = ""
    apps: Callable[[str], Mapping[tuple[str, str], App]] | None = None
    trial_budget_s: float = 900.0
