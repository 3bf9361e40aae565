"""The store on several machines, as its processes see it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.store import SealSettings, StoreFailed
from tundish_platform.store.cluster import Cluster, ClusterAppender, PartitionWriter
from tundish_platform.store.clusterreader import ClusterReader
from tundish_platform.store.clustertelemetry import ClusterTelemetry
from tundish_platform.store.lifecycle.policy import PolicyChange, change_policy, operator_scope
from tundish_platform.store.lifecycle.quota import OverQuota, QuotaExceeded
from tundish_platform.store.log.fence import Share, StaleHolder
from tundish_platform.store.log.hold import HeldElsewhere
from tundish_platform.store.log.partitions import partition_of
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.testing.clusterkills import StoreKillTrial, check_rows
from tundish_platform.store.testing.kills import Acknowledged
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.log.link import NatsLink
    from tundish_platform.store.query.queries import Queries
    from tundish_platform.store.testing.bucket import BucketServer
    from tundish_platform.store.testing.nodes import NatsNodes

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


class Machines:
    """Processes of one store that share log, objects and database and nothing else; here in one process."""

    def __init__(self, root: Path, world: World, new_link: Callable[[], NatsLink], first: int) -> None:
        self.root = root
        self.world = world
        self._new_link = new_link
        self._made = 0
        # As many partitions as bring the tenant into one that no other test uses.
        self.partitions = 10**9 + first
        self.steel = world.scopes["steel"]
        self.partition = partition_of(self.steel.tenant_id, self.partitions)

    def cluster(self, lease_s: float = 60.0) -> Cluster:
        objects = LocalObjects(self.root / "objects")
        return Cluster(self._new_link(), self.world.metadata, objects, self.partitions, lease_s=lease_s)

    def writer(self, lease_s: float = 60.0, wait_s: float = 0.0, **settings: Any) -> PartitionWriter:  # noqa: ANN401
        self._made += 1
        return PartitionWriter(
            self.cluster(lease_s),
            self.partition,
            self.root / f"scratch-{self._made}",
            f"writer-{self._made}",
            wait_s=wait_s,
            settings=SealSettings(**settings),
            background=False,
        )

    def values(self, queries: Queries) -> list[float]:
        found: list[float] = queries.read(self.steel, [1], *EVER)["value"].to_pylist()
        return found


@pytest.fixture
def machines(
    tmp_path: Path, new_world: Callable[..., World], new_link: Callable[[], NatsLink], partition: int
) -> Machines:
    return Machines(tmp_path, new_world(in_memory=False), new_link, partition)


@pytest.mark.integration
def test_what_appenders_anywhere_append_the_writer_and_every_reader_see(
    machines: Machines, make_batch: Callable[..., SampleBatch]
) -> None:
    with machines.writer() as writer:
        appenders = [ClusterAppender(machines.cluster()) for _ in range(2)]
        reader = ClusterReader(machines.cluster())
        for second in range(12):
            batch = make_batch("numeric", [(1, second, float(second)), (1, 0, second + 0.5)])
            assert appenders[second % 2].append(machines.steel, [batch]) == 2
            if second % 4 == 1:
                writer.telemetry.seal()
            if second == 6:
                # The writer's own append comes behind all that was acknowledged before.
                writer.append(machines.steel, [make_batch("numeric", [(1, 0, 99.0)])])
                assert machines.values(writer.telemetry)[0] == 99.0
            reader.refresh(machines.steel)
            assert machines.values(reader)[0] == (99.0 if second == 6 else second + 0.5)
            assert machines.values(reader)[1:] == [float(n) for n in range(1, second + 1)]
            assert len(reader.latest(machines.steel)) == 1
        fresh = ClusterReader(machines.cluster())
        assert machines.values(fresh) == machines.values(reader)
        assert len(fresh.listing(machines.steel).files) == 3
        with pytest.raises(AccessDenied):
            fresh.listing(replace(machines.steel, permissions=frozenset({Permission.INGEST})))
        for one in (*appenders, reader, fresh):
            one.close()


@pytest.mark.integration
def test_a_process_without_a_writer_holds_each_tenant_to_its_own_quota(
    machines: Machines, make_batch: Callable[..., SampleBatch]
) -> None:
    steel, batch = machines.steel, make_batch("numeric", [(1, 0, 1.0)])
    with machines.writer() as writer:
        view = ClusterTelemetry(machines.cluster())
        assert view.append(steel, [batch]) == 1
        end = time.monotonic() + 60
        # The writer takes from the log in its own time, and the view sees its segments when it is asked.
        while not view._stored_bytes(steel.tenant_id) and time.monotonic() < end:
            writer.telemetry.seal()
            assert machines.values(view) == [1.0]
        with machines.world.metadata.session() as session:
            change = PolicyChange(max_bytes=1, query_s_per_min=1.0)
            change_policy(
                session, operator_scope(session, OPERATOR, "steel"), change, view._policies.defaults
            )
        view._policies.refresh()
        with pytest.raises(QuotaExceeded, match="storage quota"):
            view.append(steel, [batch])
        # Each query takes some seconds by its own clock.
        seconds = count(0, 2)
        view.limits.clock = lambda: float(next(seconds))
        assert machines.values(view) == [1.0]
        with pytest.raises(OverQuota, match="time for queries"):
            machines.values(view)
        view.close()


@pytest.mark.integration
def test_another_writer_takes_over_what_the_first_had_not_sealed(
    machines: Machines, make_batch: Callable[..., SampleBatch]
) -> None:
    first = machines.writer()
    first.append(machines.steel, [make_batch("numeric", [(1, 0, 1.0)])])
    first.telemetry.seal()
    first.append(machines.steel, [make_batch("numeric", [(1, 1, 2.0)])])
    with pytest.raises(HeldElsewhere):
        machines.writer()
    first.close()
    with machines.writer() as second:
        assert second.token > first.token
        state = second.telemetry.state()
        assert (state.rows, state.buffered) == (2, 1)
        assert machines.values(second.telemetry) == [1.0, 2.0]
        # Rows that must leave memory become segments: nothing may lie on this machine's disk only.
        second.telemetry.spill()
        assert second.telemetry.state().buffered == 0
        assert not (machines.root / "scratch-2" / "first-level").exists()


@pytest.mark.integration
def test_a_writer_that_was_replaced_commits_nothing_and_says_that_it_takes_nothing(
    machines: Machines, make_batch: Callable[..., SampleBatch]
) -> None:
    first = machines.writer(lease_s=1.0)
    first.append(machines.steel, [make_batch("numeric", [(1, 0, 1.0)])])
    # As if the process were stopped: it beats no more, and does not see that its lease ran out.
    first._hold._beating.cancel()
    with machines.writer(lease_s=1.0, wait_s=60) as second:
        with pytest.raises(StaleHolder):
            first.telemetry.seal()
        with pytest.raises(StoreFailed, match="another process"):
            first.append(machines.steel, [make_batch("numeric", [(1, 1, 2.0)])])
        assert machines.values(second.telemetry) == [1.0]
        second.telemetry.seal()
        assert second.telemetry.state().rows == 1
        assert machines.values(second.telemetry) == [1.0]
    first.close()


@pytest.mark.integration
def test_control_without_the_fence_a_replaced_writer_commits(
    machines: Machines, make_batch: Callable[..., SampleBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = machines.writer(lease_s=1.0)
    first.append(machines.steel, [make_batch("numeric", [(1, 0, 1.0)])])
    first._hold._beating.cancel()
    with machines.writer(lease_s=1.0, wait_s=60):
        monkeypatch.setattr(Share, "guard", lambda *_: None)
        first.telemetry.seal()
        assert first.telemetry.state().segments == 1
    first.close()


@pytest.mark.integration
def test_a_writer_that_learns_of_its_loss_closes(
    machines: Machines, make_batch: Callable[..., SampleBatch]
) -> None:
    writer = machines.writer()
    writer.lost.set()
    writer._watch.join(60)
    assert not writer.telemetry.ready
    with pytest.raises(StoreFailed):
        writer.append(machines.steel, [make_batch("numeric", [(1, 1, 2.0)])])
    writer.close()


@pytest.mark.integration
def test_a_tenant_of_another_partition_is_refused(
    machines: Machines, make_batch: Callable[..., SampleBatch]
) -> None:
    power = machines.world.scopes["power"]
    with machines.writer() as writer, pytest.raises(ValueError, match="another partition"):
        writer.append(power, [make_batch("numeric", [(1, 1, 2.0)])])


@pytest.mark.integration
def test_what_was_acknowledged_is_read_once_after_leader_and_writer_were_killed(
    tmp_path: Path, new_world: Callable[..., World], three_nodes: NatsNodes, bucket: BucketServer
) -> None:
    world = new_world(in_memory=False)
    root = tmp_path / "trial"
    root.mkdir()
    database, scopes = str(world.metadata.engine.url), list(world.scopes.values())
    findings = StoreKillTrial(root, three_nodes, bucket, database, scopes, progress=20).run(rounds=1)
    assert findings.sound, findings
    assert findings.acknowledged >= 2 * 2 * 20
    assert findings.sealed >= findings.acknowledged
    assert findings.tokens == sorted(set(findings.tokens))


def test_control_the_check_of_rows_finds_each_kind_of_broken_promise() -> None:
    promised = [Acknowledged(1, n, 0) for n in range(1, 6)]
    found = [(1, n, float(n)) for n in range(1, 6)]
    assert check_rows(promised, [*found, (1, 6, 6.0)]).sound
    assert check_rows(promised, found[:2] + found[3:]).lost == [(1, 3)]
    assert check_rows(promised, [*found, (1, 2, 2.0)]).repeated == [(1, 2)]
    assert check_rows(promised, [*found[:4], (1, 5, 4.0)]).wrong == [(1, 5)]
