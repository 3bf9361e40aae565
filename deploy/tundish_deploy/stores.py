"""From settings to the store: opened by a server, or written by a process of its own."""

from __future__ import annotations

import fcntl
import os
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from tundish_deploy.probes import probed
from tundish_deploy.secrets import secret
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_deploy.settings import Settings
    from tundish_deploy.storesettings import ClusterSettings
    from tundish_platform.store.access import TelemetryAccess
    from tundish_platform.store.cluster import Cluster
    from tundish_platform.store.write.sealer import SealSettings
    from tundish_platform.tenancy.metadata import Metadata

log = structlog.get_logger(__name__)

_LOOK_S: Final = 60.0
_MEMORY: Final = 512 * 1024 * 1024
_LEAST: Final = 16 * 1024 * 1024


def prepare(settings: Settings) -> None:
    """Make data folder and database; processes that start together take turns."""
    from tundish_platform.migrations import NewerDatabase, upgrade
    from tundish_platform.tenancy.metadata import Metadata

    # Password hashes and everybody's samples lie below.
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.data_dir.stat().st_uid == os.geteuid():
        # A mounted folder belongs to whoever mounted it, and is as narrow as that one made it.
        settings.data_dir.chmod(0o700)
    with (settings.data_dir / "prepare.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        metadata = Metadata(settings.owner_database)
        try:
            upgrade(metadata)
        except NewerDatabase as error:
            # Whoever calls: a command, a part, the whole platform. None of them may go on.
            raise SystemExit(str(error)) from error
        finally:
            metadata.close()


@contextmanager
def opened(settings: Settings, metadata: Metadata, process: str) -> Iterator[TelemetryAccess]:
    """The store as a server sees it.

    Args:
        settings: say where its writer runs.
        metadata: the manifest's database, migrated.
        process: name of this process, unique on this machine.

    Raises:
        StoreInUse: this process was to write, and another one does.
        StoreFailed: the log's servers do not answer.
    """
    root, policy = settings.data_dir / "store", settings.policy_defaults
    metadata = metadata.above(Above.STORE)
    if settings.store.mode == "cluster":
        from tundish_platform.store.clustertelemetry import ClusterTelemetry

        with joined(settings, metadata, process) as cluster:
            far = ClusterTelemetry(cluster)
            try:
                yield far
            finally:
                far.close()
        return
    if settings.store.mode == "writer":
        from tundish_platform.store.remote.client import RemoteTelemetry

        near = RemoteTelemetry(root, metadata, whole=True, policy=policy)
        try:
            yield near
        finally:
            near.close()
        return
    from tundish_platform.store import Telemetry
    from tundish_platform.store.remote.writer import open_socket

    telemetry = Telemetry(root, metadata, publish=True, policy=policy)
    try:
        for problem in telemetry.problems():
            log.error("store", problem=problem)
        # Commands on the same machine read and seal through it.
        listening = open_socket(root, telemetry)
        try:
            yield telemetry
        finally:
            listening.close()
    finally:
        telemetry.close()


@contextmanager
def joined(settings: Settings, metadata: Metadata, process: str) -> Iterator[Cluster]:
    """Connections to the log's servers and the object store."""
    from tundish_platform.store.cluster import Cluster
    from tundish_platform.store.log.jetstream import StreamSettings
    from tundish_platform.store.log.link import NatsLink
    from tundish_platform.store.objects_cache import ObjectCache
    from tundish_platform.store.objects_s3 import S3Access, S3Objects

    found = _cluster(settings)
    key = None if found.secret_key_file is None else secret(found.secret_key_file).get_secret_value()
    access = S3Access(found.objects, found.endpoint, found.access_key, key, found.region)
    cache = ObjectCache(settings.data_dir / "cache" / process, found.cache_bytes)
    tls = None if found.nats_ca is None else ssl.create_default_context(cafile=str(found.nats_ca))
    name = f"{settings.store.name}-{process}"
    link = NatsLink(found.nats, name, credentials=found.nats_credentials, tls=tls)
    try:
        yield Cluster(
            link,
            metadata.above(Above.STORE),
            S3Objects(access, cache),
            found.partitions,
            StreamSettings(replicas=found.replicas, max_bytes=found.log_bytes),
            found.lease_s,
            publish=True,
            policy=settings.policy_defaults,
        )
    finally:
        link.close()


def run_writer_part(settings: Settings, process: str, stopped: threading.Event) -> None:
    """Write until told to stop: for this machine, or as one of a cluster's writers.

    Raises:
        StoreInUse: another process writes to this machine's store.
        StoreFailed: the log's servers do not answer.
    """
    prepare(settings)
    if settings.store.mode == "cluster":
        _write_for_cluster(settings, process, stopped)
    else:
        from tundish_platform.store.remote.writer import run_writer

        taking = threading.Event()

        def begun() -> None:
            log.info("writing")
            taking.set()

        with probed(settings.probe_port, taking.is_set):
            run_writer(
                settings.data_dir / "store",
                settings.database,
                {"publish": True, "policy": settings.policy_defaults},
                stopped,
                started=begun,
            )
    log.info("stopped")


def _write_for_cluster(settings: Settings, process: str, stopped: threading.Event) -> None:
    from tundish_platform.store.clusterwriter import WriterMember
    from tundish_platform.tenancy.metadata import Metadata

    metadata = Metadata(settings.database)
    try:
        with joined(settings, metadata, process) as cluster:
            member = WriterMember(
                cluster,
                settings.data_dir / "scratch" / process,
                f"{settings.store.name}-{process}",
                settings=_shares(cluster.partitions),
            )
            with probed(settings.probe_port, lambda: member.heard):
                member.run(stopped)
    finally:
        metadata.close()


def _shares(partitions: int) -> SealSettings:
    """Memory of one partition; one process may come to have them all."""
    from tundish_platform.store import SealSettings

    return SealSettings(memory_bytes=max(_LEAST, _MEMORY // partitions))


def _cluster(settings: Settings) -> ClusterSettings:
    if settings.store.cluster is None:
        raise ValueError("mode cluster needs the table [store.cluster]")
    return settings.store.cluster
