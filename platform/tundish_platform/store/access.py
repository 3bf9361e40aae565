"""The store as every process of the platform sees it, wherever its writer runs."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tundish_platform.store.query.queries import Queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.telemetry import Appended, StoreState
    from tundish_platform.tenancy.scope import TenantScope


class TelemetryAccess(Queries):
    """Appends and queries, whoever writes.

    `Telemetry` in the writer itself, `RemoteTelemetry` through its socket, `ClusterTelemetry` on several
    machines.
    """

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether samples are taken."""

    @abstractmethod
    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> Appended:
        """Make batches durable; returns their rows. All of them or none.

        Raises:
            AccessDenied: the scope may not ingest, or not these signals.
            QuotaExceeded: the tenant's quota does not allow it now; nothing was stored, come again.
            TimeOutOfRange: a source time that no clock should show.
            ValueError: a column that must not has nulls.
            StoreFull: no space is left; keep the batches and come again.
            StoreFailed: it cannot be said that they are durable.
        """

    @abstractmethod
    def problems(self) -> tuple[str, ...]:
        """What is damaged or failing, in words."""

    @abstractmethod
    def state(self) -> StoreState:
        """How the whole store stands; for the operator."""

    @abstractmethod
    def close(self) -> None:
        """Let everything go; nothing that was acknowledged is lost."""
