"""One model a machine, trained where the workers of a cluster are.

A model leaves this module only for the registry's folder of the tenant on whose data it was trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_analytics.city.cluster import PATIENCE_S, run, unsaid
from tundish_analytics.city.machine import machine_model, machine_tasks
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from distributed import Client

    from tundish_analytics.city.access import CityAccess
    from tundish_analytics.city.cluster import Tell
    from tundish_analytics.city.machine import MachineModel
    from tundish_analytics.city.tables import TenantTables
    from tundish_analytics.models.registry import Registry


@dataclass(frozen=True, slots=True)
class CityModels:
    """What the job trained.

    Attributes:
        models: of each tenant and machine.
        failed: of each tenant and machine, why there is none.
    """

    models: Mapping[tuple[str, str], MachineModel]
    failed: Mapping[tuple[str, str], str]

    def store(self, registry: Registry) -> None:
        """Give each tenant its own models, and none to another."""
        for found in self.models.values():
            registry.store(found.tenant, found.card, {"model": found.model})


def city_models(  # noqa: PLR0913 - by name: the job, and how it is watched
    client: Client,
    access: CityAccess,
    tenants: Sequence[TenantTables],
    target: str,
    window: tuple[datetime, datetime],
    step: timedelta,
    *,
    patience_s: float = PATIENCE_S,
    tell: Tell = unsaid,
) -> CityModels:
    """Train a model for each machine that has a signal of the target's kind and another one.

    Args:
        client: of a cluster whose workers can read the tenants' places.
        access: names every tenant; the operator's, because a model is more than an aggregate.
        tenants: their tables.
        target: semantic kind of the signal to be expected, ``power.active`` for instance.
        window: ``[start, end)``.
        step: samples are averaged over it.
        patience_s: how long to wait for the next task to end.
        tell: called after each task with how many have ended, and how many there are.

    Raises:
        AccessDenied: a tenant was not named, or the principal does not operate the platform.
        JobStalled: no worker comes through.
    """
    access.require((tenant.slug for tenant in tenants), Permission.OPERATE)
    held = [tenant.pinned() for tenant in tenants]
    tasks = {
        (tenant.slug, machine): task
        for tenant in held
        for machine, task in machine_tasks(tenant, target, window, step).items()
    }
    outcome = run(client, machine_model, tasks, patience_s, tell)
    return CityModels(outcome.done, outcome.failed)
