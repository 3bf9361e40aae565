"""Writers of a cluster share the partitions, and an API process sees the store without asking any of them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.cluster import Cluster
from tundish_platform.store.clusterreader import LogTail
from tundish_platform.store.clustertelemetry import ClusterTelemetry
from tundish_platform.store.clusterwriter import WriterMember
from tundish_platform.store.lifecycle.policy import PolicyChange, change_policy, operator_scope
from tundish_platform.store.lifecycle.quota import QuotaExceeded
from tundish_platform.store.lifecycle.removal import begin_removal
from tundish_platform.store.lifecycle.tables import TenantRemoval
from tundish_platform.store.log.link import NatsLink
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.store.testing.nodes import NatsNodes
from tundish_platform.tenancy import Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import World

    from tundish_platform.samples import SampleBatch

pytestmark = pytest.mark.integration

BOUND_S = 60.0
PARTITIONS = 4
OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


class Site:
    """Processes of one cluster, here in one process; a server of the log of its own."""

    def __init__(self, root: Path, nodes: NatsNodes, world: World) -> None:
        self.root, self.nodes, self.world = root, nodes, world
        self.links: list[NatsLink] = []
        self.running: list[tuple[WriterMember, threading.Thread, threading.Event]] = []
        self.views: list[ClusterTelemetry] = []

    def cluster(self, lease_s: float = 1.0) -> Cluster:
        self.links.append(NatsLink(self.nodes.urls))
        objects = LocalObjects(self.root / "objects")
        return Cluster(self.links[-1], self.world.metadata, objects, PARTITIONS, lease_s=lease_s)

    def member(self, name: str) -> WriterMember:
        made, stop = WriterMember(self.cluster(), self.root / name, name), threading.Event()
        thread = threading.Thread(target=made.run, args=(stop,), daemon=True)
        thread.start()
        self.running.append((made, thread, stop))
        return made

    def view(self) -> ClusterTelemetry:
        self.views.append(ClusterTelemetry(self.cluster()))
        return self.views[-1]

    def stop(self, member: WriterMember) -> None:
        for made, thread, stop in self.running:
            if made is member:
                stop.set()
                thread.join()

    def end(self) -> None:
        for view in self.views:
            view.close()
        for made, _, _ in self.running:
            self.stop(made)
        for link in self.links:
            link.close()


@pytest.fixture
def site(tmp_path: Path, new_world: Callable[..., World]) -> Iterator[Site]:
    with NatsNodes(tmp_path / "nats", 1) as nodes:
        made = Site(tmp_path, nodes, new_world(in_memory=False))
        yield made
        made.end()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_members_share_the_partitions_and_take_over_what_one_leaves(site: Site) -> None:
    first = site.member("first")
    until(lambda: len(first.held) == PARTITIONS)
    second = site.member("second")
    until(lambda: len(first.held) == len(second.held) == PARTITIONS // 2)
    # As if the process had died: it beats no more and gives nothing back.
    for writer in first.held.values():
        writer._hold._beating.cancel()
    first.turn = lambda: None  # type: ignore[method-assign]
    until(lambda: len(second.held) == PARTITIONS)


def test_what_one_process_appends_the_other_sees_at_once_and_a_removed_tenant_is_gone(
    site: Site, make_batch: Callable[..., SampleBatch]
) -> None:
    one, other = site.view(), site.view()
    assert not one.ready
    assert "no writer has begun" in one.problems()[0]
    member = site.member("writer")
    until(lambda: one.ready)
    steel = site.world.scopes["steel"]
    for second in range(20):
        assert one.append(steel, [make_batch("numeric", [(1, second, float(second))])]) == 1
        assert other.latest(steel)["value"].to_pylist() == [float(second)]
        if second == 10:
            for writer in list(member.held.values()):
                writer.telemetry.seal()
    assert other.read(steel, [1], *EVER)["value"].to_pylist() == [float(n) for n in range(20)]
    kinds = one.listing(steel)
    assert sum(chunk.num_rows for chunks in kinds.chunks.values() for chunk in chunks) == 9

    with site.world.metadata.session() as session:
        who = operator_scope(session, OPERATOR, "steel")
        change_policy(session, who, PolicyChange(rows_per_s=1.0, burst_rows=1), other._policies.defaults)
    other._policies.refresh()
    batch = make_batch("numeric", [(1, 30, 1.0)])
    assert other.append(steel, [batch]) == 1
    with pytest.raises(QuotaExceeded):
        other.append(steel, [batch])

    with site.world.metadata.session() as session:
        begin_removal(session, operator_scope(session, OPERATOR, "steel"), "left")
    until(lambda: _removed(site))
    assert list((site.root / "objects").glob("steel*")) == []
    assert one.state().rows == 0


def _removed(site: Site) -> bool:
    with site.world.metadata.session() as session:
        return session.get_one(TenantRemoval, 1).finished_at is not None


def test_without_the_log_appends_and_queries_are_refused(
    site: Site, make_batch: Callable[..., SampleBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = site.view()
    site.member("writer")
    until(lambda: view.ready)
    steel = site.world.scopes["steel"]
    view.append(steel, [make_batch("numeric", [(1, 1, 1.0)])])
    for waits in (view._tail(steel).log, view._tail(steel).log._publisher):
        monkeypatch.setattr(waits, "_patience_s", 0.5)
    site.nodes.kill(0)
    with pytest.raises(WriterAway):
        view.latest(steel)
    until(lambda: not view.ready)
    site.nodes.start(0)
    until(lambda: view.ready)
    assert view.latest(steel)["value"].to_pylist() == [1.0]


def test_a_tail_that_let_rows_go_says_so_to_a_query_that_saw_an_older_manifest(
    site: Site, make_batch: Callable[..., SampleBatch]
) -> None:
    view = site.view()
    member = site.member("writer")
    until(lambda: view.ready)
    steel = site.world.scopes["steel"]
    view.append(steel, [make_batch("numeric", [(1, 1, 1.0)])])
    tail = view._tail(steel)
    assert isinstance(tail, LogTail)
    before = SegmentCatalog(LocalObjects(site.root / "objects"), site.world.metadata)
    _, sealed = before.segments_and_sealed(steel.tenant_id)
    assert tail.beyond(steel.tenant_id, sealed)
    for writer in list(member.held.values()):
        writer.telemetry.seal()
    # Another query has seen the seal; the first one must look again, or it would miss the row.
    assert view.read(steel, [1], *EVER).num_rows == 1
    assert tail.beyond(steel.tenant_id, sealed) is None
