"""`RemoteTelemetry`: the store as processes see it that do not write to it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tundish_platform.samples import encode_batch
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.query.queries import Queries
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
    from tundish_platform.store.remote.freshness import Freshness
    from tundish_platform.store.remote.protocol import Message
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

_SEAL_S: Final = 3600.0
_AWAY: Final = (
    "the store's writer does not answer: nothing is taken, and all answers lack the samples that lie in no "
    "segment yet. Start the writer, or look into its log"
)


class RemoteTelemetry(Queries):
    """The same as `Telemetry`, through the writer's socket; any number of processes may have one.

    A row that any process was told is stored is in the next answer of all of them. While the writer is away,
    queries answer from segments alone and `freshness` says so.

    Args:
        root: the store's folder.
        metadata: the manifest's database.
        connections: to the writer at once; who finds none free waits.
        answer_s: how long a query waits for the writer.
        append_s: how long an append does; behind a slow disk it may have to.
    """

    def __init__(
        self,
        root: Path,
        metadata: Metadata,
        *,
        connections: int = 8,
        answer_s: float = 10.0,
        append_s: float = 60.0,
    ) -> None:
        self._lines = WriterLines(root, most=connections)
        self._metadata = metadata
        self._catalog = SegmentCatalog(LocalObjects(root / "tenants"), metadata)
        self._readers = Readers()
        self._answer_s = answer_s
        self._append_s = append_s

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

    def freshness(self) -> AbstractContextManager[Freshness]:
        """Watch how fresh the answers are that this thread gets inside a ``with``."""
        return watched()

    def close(self) -> None:
        """Give connections back. The writer goes on."""
        self._lines.close()
        self._readers.close()

    def _store(self, scope: TenantScope) -> RemoteTenant:
        reader = self._catalog.reader(self._readers, scope.slug)
        return RemoteTenant(scope, reader, self._ask, lambda: self._catalog.segments(scope.tenant_id))

    def _ask(self, head: Mapping[str, Any]) -> Message | None:
        """The writer's answer to what changes nothing; None where there is no writer."""
        try:
            return self._lines.ask(head, seconds=self._answer_s, again=True)
        except WriterAway:
            return None
