"""The worker against the real store behind the real HTTP interface, with the device tester's recording."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from waitress import wasyncore
from waitress.server import create_server

from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Progress, run_worker
from tundish_connectors.replay.history import history_batches
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.assets import upsert_signals
from tundish_platform.marketplace import Catalogue
from tundish_platform.samples.kits import kit
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

TENANT = "power"


@pytest.fixture
def served(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[tuple[str, dict[str, str]]]:
    """Address and tokens of a platform that holds the history of one line."""
    metadata = sqlite_at(tmp_path / "metadata.sqlite")
    specs = kit("igbt-ageing").specs()
    with metadata.session() as session:
        create_tenant(session, TENANT, "功率", "Power")
        scope = access_tenant(job_principal(session, "import", Role.ANALYST), TENANT, Permission.INGEST)
        numbers = upsert_signals(session, scope, "files", specs)
        tokens = {
            "analyst": create_token(session, "analyst", {TENANT: [Role.ANALYST]}),
            "viewer": create_token(session, "viewer", {TENANT: [Role.VIEWER]}),
        }
    telemetry = Telemetry(tmp_path / "store", metadata)
    before = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    for table in history_batches("igbt-ageing", before):
        telemetry.append(scope, [table.batch(numbers, datetime.now(UTC))])
    sockets: dict[int, object] = {}
    app = create_app(PlatformContext(metadata, telemetry, Catalogue()))
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=4)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}", tokens
    stopped.set()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)
    telemetry.close()
    metadata.close()


@pytest.mark.integration
def test_history_becomes_models_and_predictions_that_the_platform_reads(
    served: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    address, tokens = served
    told: list[Progress] = []
    stop = threading.Event()
    arguments = (address, tokens["analyst"], [TENANT], tmp_path / "models", stop, told.append)
    worker = threading.Thread(target=run_worker, args=arguments)
    worker.start()
    try:
        deadline = time.monotonic() + 60
        while not any(p.stage == "scored" for p in told) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        stop.set()
        worker.join(timeout=30)
    assert {p.model for p in told if p.stage == "ready"} >= {"igbt-ageing", "mosfet-life"}
    with Client(address, tokens["viewer"]) as client:
        (drift,) = (p for p in client.predictions(TENANT) if p["model"] == "igbt-ageing")
    assert drift["target"] == "vce_drift"
    assert drift["low"] <= drift["value"] <= drift["high"] < 0
    assert drift["line"] == kit("igbt-ageing").line
    assert drift["evidence"][0]["signal"].endswith("Channel1/VCEon")
    assert drift["value_signal"] is not None

    registry = Registry(tmp_path / "models")
    with Client(address, tokens["analyst"]) as client:
        known = {row["model"]: row for row in client.models(TENANT)}
        running = {row["model"]: row["champion"] for row in client.model_roles(TENANT)}
    assert set(known) == {"igbt-ageing", "mosfet-life"}
    assert {row["state"] for row in known.values()} == {"champion"}
    for model, row in known.items():
        card = registry.card(TENANT, kit("igbt-ageing").line, model, row["version"])
        assert (row["digest"], row["cases"]) == (card.sha256, card.cases)
        assert running[model] == row["version"]
    assert running["igbt-ageing"] == drift["version"]


@pytest.mark.integration
def test_a_token_that_may_not_write_fails_its_pipelines_not_the_worker(
    served: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    address, tokens = served
    told: list[Progress] = []
    stop = threading.Event()

    def tell(progress: Progress) -> None:
        told.append(progress)
        if progress.stage == "failed":
            stop.set()

    run_worker(address, tokens["viewer"], [TENANT], tmp_path / "models", stop, tell)
    assert any(p.stage == "failed" and p.zh and p.en for p in told)
    with pytest.raises(ApiError):
        run_worker(address, "wrong", [TENANT], tmp_path / "models", threading.Event(), tell)
