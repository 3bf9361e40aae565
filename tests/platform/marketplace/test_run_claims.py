"""Of two processes that see the same run due one gets it; what a killed one held comes to the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    Catalogue,
    NotSubscribed,
    Outcome,
    ReportedRun,
    RunNotHeld,
    claim_run,
    pause,
    record_run,
    subscribe,
)
from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.marketplace.runner import Runner
from tundish_platform.samples import SignalSpec
from tundish_platform.sdk.client import Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPEC = SignalSpec(path="S/A/L1/M1/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic")


def scope_of(slug: str, tenant_id: int) -> TenantScope:
    roles = frozenset({Role.OWNER, Role.ANALYST})
    return access_tenant(Principal(1, "tester", {slug: (tenant_id, roles)}), slug, Permission.SUBSCRIBE)


@pytest.fixture
def plants(metadata: Metadata, shelf: Catalogue) -> list[TenantScope]:
    """Two tenants that subscribe to the same app."""
    scopes = []
    for slug in ("plant-a", "plant-b"):
        with metadata.session() as session:
            scope = scope_of(slug, create_tenant(session, slug, "厂", "Plant").id)
            upsert_signals(session, scope, "opc", [SPEC])
            subscribe(session, scope, shelf, "quiet", list_signals(session, scope), now=NOW)
            scopes.append(scope)
    return scopes


class Desk:
    """One plant's subscription, claimed and recorded."""

    def __init__(self, metadata: Metadata, scope: TenantScope) -> None:
        self.metadata, self.scope = metadata, scope

    def claim(self, holder: str, at: datetime, seen: datetime | None = None, length: int = 60) -> bool:
        with self.metadata.of(self.scope).session() as session:
            return claim_run(session, self.scope, "quiet", holder, seen, at + length * SECOND, at)

    def record(self, holder: str, at: datetime) -> None:
        run = ReportedRun(
            app="quiet", version="0.1.0", started_at=at, window_start=at, window_end=at, seconds=1, rows_in=1,
            values_out=0, isolation="bubblewrap", filtered=True, outcome=Outcome.OK, holder=holder,
        )  # fmt: skip
        with self.metadata.of(self.scope).session() as session:
            record_run(session, self.scope, run, at)


def test_a_run_has_one_holder_until_it_is_recorded_and_is_not_run_again(
    metadata: Metadata, plants: list[TenantScope]
) -> None:
    mine, theirs = (Desk(metadata, scope) for scope in plants)
    assert mine.claim("one", NOW)
    assert not mine.claim("two", NOW)
    assert theirs.claim("two", NOW), "another plant's run is another run"
    assert mine.claim("one", NOW + SECOND), "who holds it may hold it longer"
    with pytest.raises(RunNotHeld):
        mine.record("two", NOW)
    with pytest.raises(RunNotHeld):
        mine.record("", NOW)
    mine.record("one", NOW)
    # The second still thinks that the app has never run.
    assert not mine.claim("two", NOW + SECOND)
    assert mine.claim("two", NOW + 60 * SECOND, seen=NOW)
    with pytest.raises(RunNotHeld):
        mine.record("one", NOW + 60 * SECOND)


def test_what_a_silent_process_held_comes_to_another_and_its_late_record_is_refused(
    metadata: Metadata, plants: list[TenantScope]
) -> None:
    desk = Desk(metadata, plants[0])
    assert desk.claim("dead", NOW, length=60)
    assert not desk.claim("heir", NOW + 59 * SECOND)
    assert desk.claim("heir", NOW + 60 * SECOND)
    with pytest.raises(RunNotHeld):
        desk.record("dead", NOW)
    desk.record("heir", NOW + 60 * SECOND)
    with pytest.raises(RunNotHeld):
        desk.record("dead", NOW)


def test_without_claims_a_run_is_recorded_as_ever(metadata: Metadata, plants: list[TenantScope]) -> None:
    desk = Desk(metadata, plants[0])
    desk.record("", NOW)
    desk.record("", NOW + 60 * SECOND)
    assert desk.claim("one", NOW + 120 * SECOND, seen=NOW + 60 * SECOND, length=10)
    desk.record("", NOW + 131 * SECOND)


def test_nothing_is_claimed_of_what_does_not_run(metadata: Metadata, plants: list[TenantScope]) -> None:
    desk = Desk(metadata, plants[0])
    with metadata.of(plants[0]).session() as session:
        pause(session, plants[0], "quiet", NOW)
    assert not desk.claim("one", NOW)
    with pytest.raises(NotSubscribed), metadata.of(plants[1]).session() as session:
        claim_run(session, plants[1], "unknown", "one", None, NOW, NOW)
    viewer = access_tenant(job_principal_of(metadata), "plant-a", Permission.READ)
    with pytest.raises(AccessDenied), metadata.of(viewer).session() as session:
        claim_run(session, viewer, "quiet", "one", None, NOW, NOW)


def job_principal_of(metadata: Metadata) -> Principal:
    with metadata.session() as session:
        return job_principal(session, "viewer", Role.VIEWER)


PLANTS = [f"plant-{number}" for number in range(6)]
WORKER = """
import sys, threading
from pathlib import Path
from tundish_platform.marketplace import Catalogue
from tundish_platform.marketplace.appqueue import AppQueue
from tundish_platform.marketplace.runner import Runner
from tundish_platform.sdk.client import Client

url, token, shelf, holder, *tenants = sys.argv[1:]
catalogue = Catalogue.find(Path(shelf), installed=False)
with Client(url, token) as client:
    runner = Runner(client, catalogue, holder=holder, lease_s=2.0)
    AppQueue(runner, tenants, 1).work(threading.Event())
"""


@pytest.fixture
def served(
    make_app: Callable[..., object], new_sqlite: Callable[[], Metadata], tmp_path: Path
) -> Iterator[tuple[Metadata, list[str]]]:
    """A platform whose plants subscribe to an app that takes a second; and a worker's words."""
    make_app("time.sleep(1)\nreturn said(inputs, 'done')", "slow", seconds=2.0)
    shelf, metadata = tmp_path / "shelf", new_sqlite()
    telemetry = Telemetry(tmp_path / "store", metadata)
    catalogue = Catalogue.find(shelf, installed=False)
    with metadata.session() as session:
        for slug in PLANTS:
            scope = scope_of(slug, create_tenant(session, slug, "厂", "Plant").id)
            upsert_signals(session, scope, "opc", [SPEC])
            subscribe(session, scope, catalogue, "slow", list_signals(session, scope))
        token = create_token(session, "apps", {slug: [Role.ANALYST] for slug in PLANTS})
    app = create_app(PlatformContext(metadata, telemetry, catalogue))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield metadata, [f"http://127.0.0.1:{server.server_port}", token, str(shelf)]
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()
    telemetry.close()


def held_by(metadata: Metadata, holder: str) -> list[int]:
    with metadata.session() as session:
        return list(session.scalars(select(Subscription.tenant_id).where(Subscription.run_holder == holder)))


def recorded(metadata: Metadata) -> Counter[int]:
    with metadata.session() as session:
        return Counter(session.scalars(select(AppRun.tenant_id)))


def wait_for(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@pytest.mark.integration
def test_two_processes_run_everything_once_though_one_is_killed(
    served: tuple[Metadata, list[str]],
    needs_bubblewrap: None,  # noqa: ARG001 - asked for what it checks
) -> None:
    metadata, words = served
    workers = {
        name: subprocess.Popen([sys.executable, "-c", WORKER, *words, name, *PLANTS])
        for name in ("first", "second")
    }
    try:
        wait_for(lambda: bool(held_by(metadata, "first")) and bool(held_by(metadata, "second")), 120)
        # Stopped first, so that what it holds now is what it leaves behind.
        os.kill(workers["first"].pid, signal.SIGSTOP)
        left = held_by(metadata, "first")
        workers["first"].kill()
        workers["first"].wait()
        wait_for(lambda: len(recorded(metadata)) == len(PLANTS), 240)
        # Whatever would run twice is asked for again every five seconds.
        time.sleep(6)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    assert left, "the killed process held nothing"
    assert set(recorded(metadata)) >= set(left)
    assert set(recorded(metadata).values()) == {1}


@pytest.mark.integration
def test_a_run_that_another_process_claimed_is_left_to_it(
    served: tuple[Metadata, list[str]],
    needs_bubblewrap: None,  # noqa: ARG001 - asked for what it checks
) -> None:
    metadata, (url, token, shelf) = served
    with Client(url, token) as client:
        client.claim_run(PLANTS[0], "slow", "other", 60.0)
        runner = Runner(client, Catalogue.find(Path(shelf), installed=False), holder="mine")
        assert runner.run_due(PLANTS[0]) == []
        (run,) = runner.run_due(PLANTS[1])
    assert run.outcome is Outcome.OK
    assert held_by(metadata, "mine") == [], "the record ends the claim"
    assert len(held_by(metadata, "other")) == 1
