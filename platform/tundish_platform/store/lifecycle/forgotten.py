"""Removing single signals: the tenant's days that hold them are written anew without them.

A removal is a row of `signal_removal`; the writer works it off. The first pass comes at once. The second
comes when nothing can be under way any more that was begun before, such as a run of the app whose outputs go.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import pyarrow as pa
import structlog
from sqlalchemy import select

from tundish_platform.store.lifecycle.policy import is_held, lock_tenant
from tundish_platform.store.lifecycle.tables import SignalRemoval
from tundish_platform.store.query.rollup import HOUR_US, MINUTE_US
from tundish_platform.store.rows import merged
from tundish_platform.store.segments import rollups
from tundish_platform.store.segments import segment as segments
from tundish_platform.store.segments.rollupfile import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.store.lifecycle.retained import RetainedSegments
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.segments.publishing import Publisher
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.store.tenants import Tenants
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope

AGAIN: Final = timedelta(minutes=10)
"""A run may take five minutes; what it wrote after the first pass goes at the second."""

_END: Final = 2**62
_HOURS_ONLY: Final = "-h.parquet"

log = structlog.get_logger(__name__)


class ForgettingPlace(Protocol):
    """What a removal of signals asks of the writer."""

    def has(self, tenant_id: int) -> bool:
        """Whether the tenant's files are this process's to change."""
        ...

    def without(self, tenant_id: int, signals: Sequence[int]) -> int:
        """Remove all samples of the signals; returns how many went. It may come twice."""
        ...


def ask_removal(
    session: Session, scope: TenantScope, signals: Sequence[int], reason: str, now: datetime
) -> int:
    """Have all samples of some of the tenant's signals removed, for good; returns the removal's number.

    The caller has checked who may do that to which signals.
    """
    row = SignalRemoval(
        tenant_id=scope.tenant_id, signals=sorted(signals), reason=reason[:400], asked_at=now,
        asked_by=scope.principal[:200], passes=0, rows=0,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def removal_under_way(session: Session, scope: TenantScope, signals: Sequence[int]) -> bool:
    """Whether some of these signals are still being removed, so that new samples of them would go, too."""
    query = select(SignalRemoval.signals).where(
        SignalRemoval.tenant_id == scope.tenant_id, SignalRemoval.done_at.is_(None)
    )
    return any(set(going) & set(signals) for going in session.scalars(query))


class SignalRemovals:
    """Works off removals of signals. One process has it: the store's writer.

    Args:
        metadata: their database.
        place: the writer's files.
        now: the wall clock.
    """

    def __init__(
        self,
        metadata: Metadata,
        place: ForgettingPlace,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._metadata = metadata
        self._place = place
        self._now = now
        self.problems: list[str] = []

    def turn(self) -> int:
        """Do what is due; returns how many samples went. A tenant under a legal hold waits."""
        query = select(SignalRemoval).where(SignalRemoval.done_at.is_(None)).order_by(SignalRemoval.id)
        with self._metadata.session() as session:
            waiting = [
                (row.tenant_id, row.id, row.signals) for row in session.scalars(query) if self._due(row)
            ]
        self.problems, gone = [], 0
        for tenant_id, number, signals in waiting:
            try:
                gone += self._one(tenant_id, number, signals)
            except Exception as error:
                self.problems.append(f"removal of signals {number} is tried again: {error}")
                log.exception("removal of signals failed", tenant=tenant_id, removal=number)
        return gone

    def _due(self, row: SignalRemoval) -> bool:
        return self._place.has(row.tenant_id) and (not row.passes or self._now() >= row.asked_at + AGAIN)

    def _one(self, tenant_id: int, number: int, signals: Sequence[int]) -> int:
        with self._metadata.session() as session:
            lock_tenant(session, tenant_id)
            if is_held(session, tenant_id):
                return 0
        gone = self._place.without(tenant_id, signals)
        with self._metadata.session() as session:
            mine = SignalRemoval.tenant_id == tenant_id, SignalRemoval.id == number
            row = session.scalars(select(SignalRemoval).where(*mine)).one()
            row.passes += 1
            row.rows += gone
            now = self._now()
            if now >= row.asked_at + AGAIN:
                row.done_at = now
        log.info("removed signals", tenant=tenant_id, signals=list(signals), rows=gone)
        return gone


class ForgottenSignals:
    """`ForgettingPlace` over the manifest and the tenants' folders.

    Args:
        catalog: the manifest.
        tenants: the tenants that are open.
        retained: brings waiting rows into segments, and keeps others from changing them.
        publisher: of the tenants' Delta tables, if there are any.
    """

    def __init__(
        self,
        catalog: SegmentCatalog,
        tenants: Tenants,
        retained: RetainedSegments,
        publisher: Publisher | None = None,
    ) -> None:
        self._catalog = catalog
        self._tenants = tenants
        self._retained = retained
        self._publisher = publisher

    def has(self, tenant_id: int) -> bool:
        """Whether the tenant's files are this process's to change."""
        return self._catalog.has(tenant_id)

    def without(self, tenant_id: int, signals: Sequence[int]) -> int:
        """Remove all samples of the signals; returns how many went. It may come twice."""
        slug = self._catalog.slug(tenant_id)
        if slug is None:
            return 0
        self._retained.gather(tenant_id)
        store = self._tenants.open(tenant_id, slug)
        gone = 0
        with self._retained.alone(tenant_id):
            for file in store.segments():
                if not file.damaged:
                    gone += self._rewritten(store, file, signals)
            store.forget_segments()
        if self._publisher is not None:
            self._publisher.publish(store)
        return gone

    def _rewritten(self, store: TenantStore, file: SegmentFile, signals: Sequence[int]) -> int:
        gone, new = (self._rollups if file.expired else self._rows)(store, file, signals)
        if not gone:
            return 0
        published = self._publisher is not None and not file.expired
        retired_at = datetime.now(UTC) if published else None
        self._catalog.replace(store.tenant_id, [file], new, retired_at)
        store.replace([file], new)
        if self._publisher is not None and published:
            # Who reads the table by the old file's name still may, for a day; then it goes.
            self._publisher.days_changed(store, [(file.kind, file.day)])
        elif file.expired:
            self._catalog.objects.remove(f"{store.slug}/{file.kept}")
        else:
            segments.remove(self._catalog.objects, store.slug, file.path)
        return gone

    def _rows(
        self, store: TenantStore, file: SegmentFile, signals: Sequence[int]
    ) -> tuple[int, list[SegmentFile]]:
        found = sum(
            part.num_rows
            for part in store.reader.rows(file.kind, [file], sorted(signals), columns=["signal", "ts"])
        )
        if not found:
            return 0, []
        table = _others(merged(store.reader.rows(file.kind, [file], None), file.kind), signals)
        if not table.num_rows:
            return found, []
        sequences = file.min_sequence, file.max_sequence
        objects = self._catalog.objects
        return found, [segments.write(objects, store.slug, file.kind, file.day, table, sequences)]

    def _rollups(
        self, store: TenantStore, file: SegmentFile, signals: Sequence[int]
    ) -> tuple[int, list[SegmentFile]]:
        widths = [HOUR_US] if file.path.endswith(_HOURS_ONLY) else [MINUTE_US, HOUR_US]
        had = {width: store.reader.pieces(width, [file], None, 0, _END) for width in widths}
        left = {width: _others(table, signals) for width, table in had.items()}
        gone = had[HOUR_US].num_rows - left[HOUR_US].num_rows
        if not gone or not left[HOUR_US].num_rows:
            return gone, []
        end = _HOURS_ONLY if file.path.endswith(_HOURS_ONLY) else ".parquet"
        folder = file.path.rpartition("/")[0]
        path = f"{folder}/{file.max_sequence:020d}-{secrets.token_hex(4)}{end}"
        content = encoded(left)
        name = f"{store.slug}/{rollups.beside(path)}"
        staged = self._catalog.objects.staged(name)
        staged.write_bytes(content)
        self._catalog.objects.put(name, staged)
        return gone, [replace(file, path=path, bytes=len(content), crc32=zlib.crc32(content))]


def _others(table: pa.Table, signals: Sequence[int]) -> pa.Table:
    """The rows of all other signals, in their order."""
    return table.filter(pa.array(~np.isin(table["signal"].to_numpy(), list(signals))))
