"""`ClusterTelemetry`: a store on several machines, as the API and the workers of any of them see it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
import structlog

from tundish_platform.samples import encode_batch
from tundish_platform.store.access import TelemetryAccess
from tundish_platform.store.clusterreader import ClusterReader
from tundish_platform.store.inbox import accepted
from tundish_platform.store.lifecycle.erased import Leaving
from tundish_platform.store.lifecycle.policy import Policies
from tundish_platform.store.lifecycle.quota import Limits
from tundish_platform.store.log.interface import StoreFailed, StoreFull
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.telemetry import Appended, StoreState
from tundish_platform.tenancy.scope import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.cluster import Cluster
    from tundish_platform.store.lifecycle.quota import LimitSizes, QueryBudget
    from tundish_platform.tenancy.scope import TenantScope

log = structlog.get_logger(__name__)

_POLICIES_S: Final = 5.0


class ClusterTelemetry(ClusterReader, TelemetryAccess):
    """Appends to the log and reads segments and the log's end; asks no writer, so any may be dead.

    Whatever anybody was told to be stored before a query began is in its answer: the query first asks the
    log's majority how far it reaches, once for all that ask at the same time. Where there is no majority,
    appends and queries are refused with `WriterAway`.

    Args:
        cluster: what the processes share.
        limits: how much of this process may be under way at once. Quotas are counted by each process for
            itself.

    Attributes:
        limits: quotas and turns, in front of appends and queries.
    """

    def __init__(self, cluster: Cluster, *, limits: LimitSizes | None = None) -> None:
        super().__init__(cluster)
        self._policies = Policies(cluster.metadata, cluster.policy)
        self._leaving = Leaving(cluster.metadata)
        self.limits = Limits(self._policies.of, self._stored_bytes, limits)
        self._looking = threading.Lock()
        self._look_again = time.monotonic() + _POLICIES_S
        self._begun: set[int] = set()

    @property
    def ready(self) -> bool:
        """Whether the log's servers answer and each partition has been begun by a writer."""
        return not self._missing()

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> Appended:
        """Make batches durable on a majority of the log's servers and visible here; returns their rows.

        Raises:
            AccessDenied: the scope may not ingest, or not these signals, or its tenant is being removed.
            QuotaExceeded: the tenant's quota does not allow it now; nothing was stored.
            TimeOutOfRange: a source time that no clock should show.
            ValueError: a column that must not has nulls, or too large for one message of the log.
            StoreFull: no space is left; keep the batches and come again.
            WriterAway: it cannot be said that they are durable; keep the batches and come again.
        """
        batches = accepted(scope, batches)
        if not batches:
            return Appended(0)
        self._look_around(scope)
        rows, size = sum(map(len, batches)), sum(batch.table.nbytes for batch in batches)
        payloads = [encode_batch(batch) for batch in batches]
        with self.limits.appending(scope.tenant_id, rows, size), _away():
            self._tail(scope).log.append(scope.tenant_id, payloads)
        return Appended(rows)

    def state(self) -> StoreState:
        """How the whole store stands; rows that lie in the log alone are not counted."""
        known, missing = self._catalog.totals(), self._missing()
        return StoreState(known.rows, 0, known.segments, known.bytes, not missing, missing)

    def problems(self) -> tuple[str, ...]:
        """What is failing, in words; the writers tell their own in their logs."""
        return self._missing()

    @contextmanager
    def _admitted(self, scope: TenantScope) -> Iterator[QueryBudget]:
        self._look_around(scope)
        with self.limits.querying(scope.tenant_id) as budget:
            with _away():
                self.refresh(scope)
            yield budget

    def _look_around(self, scope: TenantScope) -> None:
        """Read policies and removals again from time to time, as whoever asks comes by."""
        with self._looking:
            due = time.monotonic() >= self._look_again
            if due:
                self._look_again = time.monotonic() + _POLICIES_S
        if due:
            self._policies.refresh()
            self._leaving.refresh()
            self.limits.sweep()
        if scope.tenant_id in self._leaving:
            raise AccessDenied(f"tenant {scope.slug} is being removed")

    def _stored_bytes(self, tenant_id: int) -> int:
        return sum(file.bytes for file in self._catalog.segments(tenant_id))

    def _missing(self) -> tuple[str, ...]:
        cluster = self._cluster
        try:
            if not cluster.link.client.is_connected:
                return ("no server of the log can be reached",)
            for partition in set(range(cluster.partitions)) - self._begun:
                cluster.link.run(cluster.link.streams.stream_info(f"TUNDISH_LOG_{partition}"), 5)
                self._begun.add(partition)
        except nats.js.errors.NotFoundError:
            return ("no writer has begun all partitions of the log yet",)
        except (StoreFailed, nats.errors.Error, OSError) as error:
            return (f"the log's servers do not answer: {error}",)
        return ()


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except StoreFull:
        raise
    except StoreFailed as error:
        raise WriterAway(f"the log's servers do not answer: {error}") from error
