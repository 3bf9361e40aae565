"""What comes in: checked where somebody appends, and taken from the log where another process did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc
import structlog

from tundish_platform.samples import CodecError, decode_batch
from tundish_platform.store.rows import check_batch
from tundish_platform.tenancy.scope import AccessDenied, Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.log.records import LogRecord
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.tenants import Tenants
    from tundish_platform.tenancy.scope import TenantScope

log = structlog.get_logger(__name__)


def accepted(scope: TenantScope, batches: Sequence[SampleBatch]) -> list[SampleBatch]:
    """Those of the batches that have rows, if the scope may append all of them.

    Raises:
        AccessDenied: the scope may not ingest, or not these signals.
        TimeOutOfRange: a source time that no clock should show.
        ValueError: a column that must not has nulls.
    """
    scope.require(Permission.INGEST)
    batches = [batch for batch in batches if len(batch)]
    for batch in batches:
        check_batch(batch)
        if scope.signals is not None:
            foreign = set(pc.unique(batch.table["signal"]).to_pylist()) - scope.signals
            if foreign:
                raise AccessDenied(f"{scope.principal} may not write signal {min(foreign)}")
    return batches


class Inbox:
    """Takes into memory what other processes appended to the log.

    Args:
        catalog: knows the tenants.
        tenants: their parts of the store.

    Attributes:
        problems: what could not be taken in, in words.
    """

    def __init__(self, catalog: SegmentCatalog, tenants: Tenants) -> None:
        self._catalog = catalog
        self._tenants = tenants
        self._slugs: dict[int, str] = {}
        self.problems: list[str] = []

    def take(self, record: LogRecord) -> int:
        """Make a record visible; returns the tenant's rows that are not in segments.

        Rows of a tenant that was deleted meanwhile go with the log.
        """
        if record.tenant not in self._slugs:
            self._slugs = self._catalog.slugs()
        slug = self._slugs.get(record.tenant)
        if slug is None:
            return 0
        try:
            batch = decode_batch(record.payload)
        except CodecError as error:
            self.problems.append(f"record {record.sequence} in the log is no batch: {error}")
            log.exception("a record is no batch", sequence=record.sequence)
            return 0
        store = self._tenants.open(record.tenant, slug)
        while not store.add([batch], [record.sequence]):
            store = self._tenants.open(record.tenant, slug)
        return store.unsealed_rows
