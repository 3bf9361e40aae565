"""Tenants that subscribe to an app, behind the product's own server, and the queue that runs their apps."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_deploy.benchmarks.api.city import found_city
from tundish_platform.assets import list_signals
from tundish_platform.marketplace import Catalogue, subscribe
from tundish_platform.marketplace.appqueue import AppQueue
from tundish_platform.marketplace.runner import Runner
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_token, job_principal
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.marketplace.forks import ForkServer
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk.client import Client

APP: Final = "spc-monitor"
_SIGNALS_EACH: Final = 20
_SAMPLES: Final = 60
_PATIENCE_S: Final = 1_800.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Kept:
    """How the queue kept up.

    Attributes:
        runs: that ended well.
        seconds: until all were done.
        sandbox_cpu_s: that the sandboxes used.
    """

    runs: int
    seconds: float
    sandbox_cpu_s: float


def found_plants(url: str, count: int) -> tuple[str, dict[str, list[SignalInfo]]]:
    """Tenants with signals, each subscribed to one of the product's own apps.

    Returns:
        A key that may run apps for all of them, and their signals.
    """
    found_city(url, count, count * _SIGNALS_EACH, 0)
    with closing(Metadata(url)) as metadata, metadata.session() as session:
        slugs = [f"plant-{number:05}" for number in range(count)]
        owner = job_principal(session, "bench", Role.OWNER)
        catalogue, signals = Catalogue.find(), {}
        for slug in slugs:
            scope = access_tenant(owner, slug, Permission.SUBSCRIBE)
            signals[slug] = list_signals(session, scope)
            subscribe(session, scope, catalogue, APP, signals[slug])
        token = create_token(session, "apps", {slug: [Role.ANALYST] for slug in slugs})
    return token, signals


def send(client: Client, signals: dict[str, list[SignalInfo]]) -> None:
    """A minute of each tenant's signals."""
    now = datetime.now(UTC)
    for slug, known in signals.items():
        numbers = [signal.id for signal in known]
        client.ingest(slug, [_minute(numbers, now)])


class Round:
    """Rounds in which the queue runs what is due, which is everything.

    Args:
        client: with a key for all tenants.
        tenants: each with one subscription.
        forks: starts the sandboxes.
        slots: sandboxes at a time.
    """

    def __init__(self, client: Client, tenants: Sequence[str], forks: ForkServer, slots: int) -> None:
        self._client = _Counting(client)
        self._runner = Runner(self._client, Catalogue.find(), forks=forks)
        self._tenants, self._slots, self._number = tenants, slots, 0

    def run(self) -> Kept:
        """One round; in each it is some minutes later than in the last.

        Raises:
            RuntimeError: not all ran well.
        """
        self._number += 1
        later = timedelta(minutes=5 * self._number)
        done = self._client.done = []
        queue = AppQueue(self._runner, self._tenants, self._slots, lambda: datetime.now(UTC) + later)
        stopped, begun = threading.Event(), time.perf_counter()
        thread = threading.Thread(target=queue.work, args=(stopped,))
        thread.start()
        while len(done) < len(self._tenants) and time.perf_counter() - begun < _PATIENCE_S:
            time.sleep(_LOOK_S)
        took = time.perf_counter() - begun
        stopped.set()
        thread.join()
        bad = [run for run in done if run["outcome"] != "ok"]
        if bad or len(done) < len(self._tenants):
            raise RuntimeError(f"{len(done)} of {len(self._tenants)} ran, of them not well: {bad[:1]}")
        return Kept(len(done), took, sum(run["cpu_s"] or 0.0 for run in done))


class _Counting:
    """The client, and what became of the runs."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.done: list[dict[str, Any]] = []

    def post_run(self, tenant: str, run: dict[str, Any]) -> None:
        self._client.post_run(tenant, run)
        self.done.append(run)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        return getattr(self._client, name)


def _minute(numbers: Sequence[int], now: datetime) -> SampleBatch:
    schema = SCHEMAS[SampleKind.NUMERIC]
    rows = len(numbers) * _SAMPLES
    first = int((now - timedelta(minutes=1)).timestamp() * 1e6)
    columns = {
        "signal": np.repeat(np.array(numbers, "uint32"), _SAMPLES),
        "ts": (first + np.tile(np.arange(_SAMPLES) * 1_000_000, len(numbers))).astype("datetime64[us]"),
        "value": np.random.default_rng(1).normal(size=rows),
        "status": np.zeros(rows, "uint32"),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    return SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=schema), now)
