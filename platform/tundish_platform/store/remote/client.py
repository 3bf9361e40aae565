"""`RemoteTelemetry`: the store as processes see it that do not write to it themselves."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.samples import encode_batch
from tundish_platform.store.access import TelemetryAccess
from tundish_platform.store.lifecycle.policy import Policies
from tundish_platform.store.lifecycle.quota import Limits
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.remote.buckets import WriterBuckets
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.remote.freshness import watched
from tundish_platform.store.remote.pool import WriterLines
from tundish_platform.store.remote.protocol import MAX_REQUEST
from tundish_platform.store.remote.seals import scope_told
from tundish_platform.store.remote.tenant import RemoteTenant
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.store.segments.reader import Readers
from tundish_platform.store.telemetry import Appended, StoreState
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.lifecycle.policy import PolicyDefaults
    from tundish_platform.store.lifecycle.quota import QueryBudget
    from tundish_platform.store.remote.freshness import Freshness
    from tundish_platform.store.remote.protocol import Message
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

_SEAL_S: Final = 3600.0
_POLICIES_S: Final = 5.0
_AWAY: Final = (
    "the store's writer does not answer: nothing is taken, and all answers lack the samples that lie in no "
    "segment yet. Start the writer, or look into its log"
)


class RemoteTelemetry(TelemetryAccess):
    """The same as `Telemetry`, through the writer's socket; any number of processes may have one.

    A row that any process was told is stored is in the next answer of all of them. While the writer is away,
    queries answer from segments alone and `freshness` says so; or, where `whole`, they are refused.

    A tenant's query time is counted by the writer, for all processes together; its turns are this process's.

    Args:
        root: the store's folder.
        metadata: the manifest's database.
        connections: to the writer at once; who finds none free waits.
        answer_s: how long a query waits for the writer.
        append_s: how long an append does; behind a slow disk it may have to.
        whole: refuse queries with `WriterAway` rather than answer without what lies in no segment yet.
        policy: quotas of tenants without a policy of their own.

    Attributes:
        limits: turns of queries, and the longest one.
    """

    def __init__(
        self,
        root: Path,
        metadata: Metadata,
        *,
        connections: int = 8,
        answer_s: float = 10.0,
        append_s: float = 60.0,
        whole: bool = False,
        policy: PolicyDefaults | None = None,
    ) -> None:
        self._lines = WriterLines(root, most=connections)
        self._metadata = metadata
        self._catalog = SegmentCatalog(LocalObjects(root / "tenants"), metadata)
        self._readers = Readers()
        self._answer_s = answer_s
        self._append_s = append_s
        self._whole = whole
        self._policies = Policies(metadata, policy)
        self._policies_lock = threading.Lock()
        self._policies_due = time.monotonic() + _POLICIES_S
        self.limits = Limits(self._policies.of)
        self.limits.seconds = WriterBuckets(self._ask, self.limits.seconds)

    @property
    def ready(self) -> bool:
        """Whether the writer is there and takes samples."""
        answer = self._ask({"do": "ping"})
        return answer is not None and bool(answer.head["ready"])

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> Appended:
        """Make batches durable and visible to all processes; returns their rows. All of them or none.

        Raises:
            AccessDenied: the scope may not ingest, or not these signals.
            TimeOutOfRange: a source time that no clock should show.
            ValueError: a column that must not has nulls, or too many bytes at once.
            QuotaExceeded: the tenant's quota does not allow it now; nothing was stored.
            StoreFull: no space is left; keep the batches and come again.
            StoreFailed: it cannot be said that they are durable.
            WriterAway: the same, because the writer does not answer; keep the batches and come again.
        """
        scope.require(Permission.INGEST)
        batches = [batch for batch in batches if len(batch)]
        if not batches:
            return Appended(0)
        encoded = [encode_batch(batch) for batch in batches]
        sizes = [len(data) for data in encoded]
        if sum(sizes) > MAX_REQUEST:
            raise ValueError(f"{sum(sizes)} bytes at once are more than {MAX_REQUEST}; append less at a time")
        head = {"do": "append", "scope": scope_told(scope), "sizes": sizes}
        answer = self._lines.ask(head, encoded, seconds=self._append_s).head
        return Appended(answer["rows"], answer["expired"])

    def seal(self) -> None:
        """Turn every buffer into segments now.

        Raises:
            WriterAway: the writer does not answer.
        """
        self._lines.ask({"do": "seal"}, seconds=_SEAL_S)

    def state(self) -> StoreState:
        """How the whole store stands; for the operator. Without the writer: what the manifest knows."""
        answer = self._ask({"do": "state"})
        if answer is None:
            known = self._catalog.totals()
            return StoreState(known.rows, 0, known.segments, known.bytes, ready=False, problems=(_AWAY,))
        told = answer.head["state"]
        return StoreState(**(told | {"problems": tuple(told["problems"])}))

    def problems(self) -> tuple[str, ...]:
        """What is damaged or failing, in words."""
        return self.state().problems

    def freshness(self) -> AbstractContextManager[Freshness]:
        """Watch how fresh the answers are that this thread gets inside a ``with``."""
        return watched()

    def close(self) -> None:
        """Give connections back. The writer goes on."""
        self._lines.close()
        self._readers.close()

    def _store(self, scope: TenantScope) -> RemoteTenant:
        reader = self._catalog.reader(self._readers, scope.slug)
        ask = self._ask_or_refuse if self._whole else self._ask
        return RemoteTenant(scope, reader, ask, lambda: self._catalog.segments(scope.tenant_id))

    def _admitted(self, scope: TenantScope) -> AbstractContextManager[QueryBudget]:
        with self._policies_lock:
            due = time.monotonic() >= self._policies_due
            if due:
                self._policies_due = time.monotonic() + _POLICIES_S
        if due:
            self._policies.refresh()
        return self.limits.querying(scope.tenant_id)

    def _ask_or_refuse(self, head: Mapping[str, Any]) -> Message:
        return self._lines.ask(head, seconds=self._answer_s, again=True)

    def _ask(self, head: Mapping[str, Any]) -> Message | None:
        """The writer's answer to what changes nothing; None where there is no writer."""
        try:
            return self._lines.ask(head, seconds=self._answer_s, again=True)
        except WriterAway:
            return None
