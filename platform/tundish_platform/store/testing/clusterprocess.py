"""A writer or an appender of a store on several machines, until it is killed."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind
from tundish_platform.store.cluster import Cluster, ClusterAppender, PartitionWriter
from tundish_platform.store.log.hold import HeldElsewhere
from tundish_platform.store.log.interface import StoreFailed
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.objects_cache import ObjectCache
from tundish_platform.store.objects_s3 import S3Access, S3Objects
from tundish_platform.store.testing.bucket import BUCKET
from tundish_platform.store.write.sealer import SealSettings
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_platform.tenancy.scope import TenantScope

PARTITION: Final = 0
_LEASE_S: Final = 2.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Segments come all the time, not only once a buffer is old.
_BUSY: Final = SealSettings(seal_rows=10, own_rows=1, seal_after=timedelta(0))


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant, as it is told to a process."""

    number: int
    slug: str

    def told(self) -> str:
        """On the command line."""
        return f"{self.number}:{self.slug}"

    @classmethod
    def read(cls, word: str) -> Self:
        """From the command line."""
        number, _, slug = word.partition(":")
        return cls(int(number), slug)

    def scope(self) -> TenantScope:
        """To append for it."""
        who = Principal(1, "trial", {self.slug: (self.number, frozenset({Role.ANALYST}))})
        return access_tenant(who, self.slug, Permission.READ)


@contextmanager
def joined(words: Sequence[str], name: str) -> Iterator[Cluster]:
    """The store that a trial's processes share; of one partition.

    Args:
        words: as on the command line, up to the database.
        name: of the process.
    """
    root, servers, endpoint, database = words[:4]
    access = S3Access(f"s3://{BUCKET}/{Path(root).name}", endpoint, "tundish", "tundish-secret", attempts=2)
    cache = ObjectCache(Path(root) / f"cache-{name}", 100_000_000)
    link, metadata = NatsLink(servers.split(","), name), Metadata(database)
    try:
        yield Cluster(link, metadata, S3Objects(access, cache), partitions=1, lease_s=_LEASE_S)
    finally:
        metadata.close()
        link.close()


def write_forever(cluster: Cluster, root: Path, name: str) -> None:
    """Be the writer, or wait until the partition is free; a line in the journal tells each token."""
    while True:
        try:
            writer = PartitionWriter(
                cluster, PARTITION, root / f"scratch-{name}", name, wait_s=600, settings=_BUSY
            )
        except (HeldElsewhere, StoreFailed):
            continue
        _note(root / f"holds-{name}", b"%d\n" % writer.token)
        writer.lost.wait()
        writer.close()


def append_forever(cluster: Cluster, tenants: Sequence[Tenant], journal: Path, first: int) -> None:
    """Append counts, each as a row at that many milliseconds; a line tells which are safe."""
    appender, scopes = ClusterAppender(cluster), [(t.number, t.scope()) for t in tenants]
    count = first
    while True:
        for number, scope in scopes:
            count += 1
            try:
                appender.append(scope, [row(count)])
            except StoreFailed:
                # It may be there or not: never told, never sent again.
                continue
            _note(journal, b"%d %d 0\n" % (number, count))


def row(count: int) -> SampleBatch:
    """One sample of signal 1 whose time and value are the count."""
    columns = [[1], [_EPOCH + timedelta(milliseconds=count)], [float(count)], [0]]
    schema = SCHEMAS[SampleKind.NUMERIC]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=schema), datetime.now(UTC), Origin.LIVE)


def _note(journal: Path, line: bytes) -> None:
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line)
    os.close(descriptor)


def run(*words: str) -> None:
    """Write or append until killed; what is told on the way goes to a file.

    Args:
        words: folder, servers, endpoint, database, tenants, ``write`` or ``append``, name, first count;
            servers and tenants with commas between them.
    """
    root, tenants = Path(words[0]), [Tenant.read(word) for word in words[4].split(",")]
    what, name, first = words[5:]
    told = os.open(root / f"{what}-{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(told, 1)
    os.dup2(told, 2)
    with joined(words, f"{what}-{name}") as cluster:
        if what == "write":
            write_forever(cluster, root, name)
        threads = [
            threading.Thread(
                target=append_forever,
                args=(cluster, [tenant], root / f"journal-{name}", int(first) + 1000 * at),
            )
            for at, tenant in enumerate(tenants)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
