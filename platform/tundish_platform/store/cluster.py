"""One store on several machines: a writer for each partition, and appenders anywhere."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import structlog

from tundish_platform.samples import encode_batch
from tundish_platform.store.inbox import accepted
from tundish_platform.store.log.fence import Share
from tundish_platform.store.log.hold import Hold
from tundish_platform.store.log.interface import StoreFailed
from tundish_platform.store.log.jetstream import JetStreamLog
from tundish_platform.store.log.partitions import partition_of
from tundish_platform.store.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.lifecycle.policy import PolicyDefaults
    from tundish_platform.store.log.jetstream import StreamSettings
    from tundish_platform.store.log.link import NatsLink
    from tundish_platform.store.objects import Objects
    from tundish_platform.store.write.sealer import SealSettings
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a process needs of a store on several machines.

    Attributes:
        link: to the log's servers.
        metadata: the manifest's database, the same for all.
        objects: where segments live, the same for all.
        partitions: of the log; chosen once, the same in all processes for ever.
        streams: how the log is kept.
        lease_s: a writer that was silent for so long is taken for dead.
        publish: keep each tenant's segments as its own Delta tables, too.
        policy: quotas and retention of tenants without a policy of their own.
    """

    link: NatsLink
    metadata: Metadata
    objects: Objects
    partitions: int = 16
    streams: StreamSettings | None = None
    lease_s: float = 10.0
    publish: bool = False
    policy: PolicyDefaults | None = None


class PartitionWriter:
    """The one process that turns a partition's records into segments, until it gives up or is replaced.

    Args:
        cluster: what the processes share.
        partition: which one.
        folder: of this process; nothing in it needs to survive.
        holder: name of this process, for people.
        wait_s: how long to wait for the partition.
        stood_still: as in `Hold`.
        settings: when rows become segments. Small tenants share no files here, as those would lie on the
            disk of a machine that may be gone: their rows wait in memory, and in the log, for `seal_after`.
        background: seal and merge in a thread of its own.

    Attributes:
        telemetry: the store of the partition's tenants.
        lost: set once the partition is lost; nothing is taken any more then.

    Raises:
        HeldElsewhere: another process has the partition.
        StoreFailed: the log's servers do not answer.
    """

    def __init__(  # noqa: PLR0913 - where, what for, how to take it, how to keep it
        self,
        cluster: Cluster,
        partition: int,
        folder: Path,
        holder: str,
        *,
        wait_s: float = 0.0,
        stood_still: tuple[int, float] = (-1, 0.0),
        settings: SealSettings | None = None,
        background: bool = True,
    ) -> None:
        self._hold = Hold(
            cluster.link, partition, holder, lease_s=cluster.lease_s, wait_s=wait_s, stood_still=stood_still
        )
        self._share = Share(partition, cluster.partitions, self._hold.token)
        self.lost = self._hold.lost
        self._closing = threading.Lock()

        def opened(first_sequence: int) -> JetStreamLog:
            return JetStreamLog(cluster.link, partition, cluster.streams, first_sequence=first_sequence)

        try:
            with cluster.metadata.session() as session:
                # From here on whoever held it before can commit nothing that is not read below.
                self._share.guard(session)
            self.telemetry = Telemetry(
                folder,
                cluster.metadata,
                settings=settings,
                log=opened,
                objects=cluster.objects,
                share=self._share,
                publish=cluster.publish,
                policy=cluster.policy,
                background=background,
            )
        except BaseException:
            self._hold.give_back()
            raise
        self._watch = threading.Thread(target=self._give_up, name="partition-watch", daemon=True)
        self._watch.start()

    @property
    def token(self) -> int:
        """Of the hold: higher than that of all writers before."""
        return self._hold.token

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> int:
        """As `Telemetry.append`.

        Raises:
            StoreFailed: the partition is lost, too; another process takes the batches.
            ValueError: the tenant is in another partition, too.
        """
        if not self._share.has(scope.tenant_id):
            raise ValueError(f"tenant {scope.slug} is in another partition than {self._share.partition}")
        if not self._hold.held:
            raise StoreFailed(f"partition {self._share.partition} is another process's now")
        return self.telemetry.append(scope, batches)

    def close(self) -> None:
        """Stop, and let another process take the partition at once."""
        self._close_telemetry()
        self._hold.give_back()
        self._watch.join()

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _give_up(self) -> None:
        self.lost.wait()
        self._close_telemetry()

    def _close_telemetry(self) -> None:
        # Whoever holds this may close it at the moment at which it learns of its loss.
        with self._closing:
            self.telemetry.close()


class ClusterAppender:
    """Appends for any tenant, from any process; holds nothing but connections.

    Args:
        cluster: what the processes share.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._logs: dict[int, JetStreamLog] = {}
        self._lock = threading.Lock()

    def append(
        self, scope: TenantScope, batches: Sequence[SampleBatch], message_id: str | None = None
    ) -> int:
        """Make batches durable; returns their rows. All of them or none. Readers see them soon after.

        Args:
            scope: whose.
            batches: of any kinds.
            message_id: batches that come again under it within two minutes are stored once.

        Raises:
            AccessDenied: the scope may not ingest, or not these signals.
            ValueError: no valid batches, or too large for one message.
            StoreFull: no space is left; keep the batches and come again.
            StoreFailed: it cannot be said that they are durable.
        """
        batches = accepted(scope, batches)
        if batches:
            payloads = [encode_batch(batch) for batch in batches]
            self._log(scope).append(scope.tenant_id, payloads, message_id=message_id)
        return sum(len(batch) for batch in batches)

    def close(self) -> None:
        """Take nothing more."""
        for one in self._logs.values():
            one.close()

    def _log(self, scope: TenantScope) -> JetStreamLog:
        partition = partition_of(scope.tenant_id, self._cluster.partitions)
        with self._lock:
            if partition not in self._logs:
                self._logs[partition] = JetStreamLog(
                    self._cluster.link, partition, self._cluster.streams, first_sequence=None
                )
            return self._logs[partition]
