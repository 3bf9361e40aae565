"""A tenant that sends ten times its quota, and what its neighbours feel of it."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tundish_deploy.campaigns.client import START
from tundish_deploy.campaigns.load import HOUR_US, batch_within
from tundish_deploy.campaigns.world import new_database, scopes_of
from tundish_deploy.figures import Figure, Report, judged
from tundish_platform.store import SealSettings, StoreFull, Telemetry
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

    from tundish_platform.samples import SampleBatch
    from tundish_platform.tenancy import TenantScope

NOISY: Final = "noisy"
QUIET: Final = ("calm", "quiet")
TIMES: Final = 10
BAR: Final = 1.2
# Ten times this is more than two processors can take in.
_QUOTA_ROWS_S: Final = 300_000
_NOISY_ROWS, _QUIET_ROWS, _SIGNALS = 20_000, 200, 100
_QUIET_EACH_S, _QUERY_EACH_S = 0.05, 0.2
_NOISY_THREADS: Final = 4
_PREPARED: Final = 20
_SETTINGS: Final = SealSettings(seal_rows=500_000, seal_after=timedelta(seconds=5))


class Phase(NamedTuple):
    """How the noisy tenant behaves, and whether its quota holds."""

    name: str
    times: int
    limited: bool


AS_AGREED: Final = Phase("within its quota", 1, limited=True)
LIMITED: Final = Phase("10 x its quota", TIMES, limited=True)
UNLIMITED: Final = Phase("10 x its quota, which is off", TIMES, limited=False)


@dataclass
class Felt:
    """What the neighbours felt, in seconds from when a request was due.

    Attributes:
        appends, queries: their latencies.
        refused: requests of the noisy tenant.
        lost: acknowledged rows of anybody that are not there afterwards.
    """

    appends: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0

    def __iadd__(self, other: Felt) -> Felt:  # noqa: PYI034 - `Self` would promise too much
        self.appends += other.appends
        self.queries += other.queries
        self.refused += other.refused
        self.lost += other.lost
        return self


class LimitedTelemetry(Telemetry):
    """The store with quotas in front of appends and queries."""

    def limit(self, tenant_id: int, rows_per_s: float) -> None:
        """Give one tenant a quota; a quarter of a second of it may come at once."""
        from tundish_platform.store.lifecycle.policy import Policy
        from tundish_platform.store.lifecycle.quota import Limits

        agreed = Policy(rows_per_s=rows_per_s, burst_rows=int(rows_per_s / 4))
        self.limits = Limits(lambda tenant: agreed if tenant == tenant_id else Policy())

    def append(self, scope: TenantScope, batches: Sequence[SampleBatch]) -> int:
        """Append within the quota."""
        rows = sum(len(batch) for batch in batches)
        size = sum(batch.table.nbytes for batch in batches)
        with self.limits.appending(scope.tenant_id, rows, size):
            return super().append(scope, batches)

    def read(self, scope: TenantScope, *question: Any) -> pa.Table:  # noqa: ANN401 - handed on
        """Read within the quota."""
        with self.limits.querying(scope.tenant_id):
            return super().read(scope, *question)


def felt(phase: Phase, seconds: float) -> Felt:
    """One phase on a new store."""
    scopes = scopes_of((NOISY, *QUIET))
    with TemporaryDirectory() as folder:
        place = Path(folder)
        metadata = Metadata(f"sqlite:///{new_database(place / 'metadata.sqlite', (NOISY, *QUIET))}")
        kind = LimitedTelemetry if phase.limited else Telemetry
        with closing(metadata), closing(kind(place / "store", metadata, settings=_SETTINGS)) as telemetry:
            if isinstance(telemetry, LimitedTelemetry):
                telemetry.limit(scopes[NOISY].tenant_id, _QUOTA_ROWS_S)
            return _Street(telemetry, scopes, phase).lived(seconds)


class _Street:
    def __init__(self, telemetry: Telemetry, scopes: dict[str, TenantScope], phase: Phase) -> None:
        self._telemetry = telemetry
        self._scopes = scopes
        self._result = Felt()
        self._begin = threading.Event()
        self._noise = _batches(_NOISY_ROWS)
        self._calm = _batches(_QUIET_ROWS)
        self._noisy_each_s = _NOISY_THREADS * _NOISY_ROWS / (_QUOTA_ROWS_S * phase.times)

    def lived(self, seconds: float) -> Felt:
        """Let all of them send for so long, then count what is there."""
        threads = [self._thread(seconds, self._noisy_each_s, self._shout) for _ in range(_NOISY_THREADS)]
        for slug in QUIET:
            threads.append(self._thread(seconds, _QUIET_EACH_S, self._sender(slug)))
            threads.append(self._thread(seconds, _QUERY_EACH_S, self._asker(slug)))
        self._warm_up()
        for thread in threads:
            thread.start()
        self._begin.set()
        for thread in threads:
            thread.join()
        self._result.lost = sum(self._missing(slug) for slug in QUIET)
        return self._result

    def _warm_up(self) -> None:
        """What is loaded at first use belongs to nobody's latency."""
        for slug in QUIET:
            self._sender(slug)(0, 0.0)
            self._asker(slug)(0, 0.0)
        self._result = Felt()

    def _thread(self, seconds: float, each_s: float, act: Callable[[int, float], None]) -> threading.Thread:
        """Act at fixed times, late or not: who waits for an answer does not send less."""

        def turn() -> None:
            self._begin.wait()
            begun = time.perf_counter()
            for number in range(int(seconds / each_s)):
                due = begun + number * each_s
                time.sleep(max(0.0, due - time.perf_counter()))
                # Overloaded without end it would never be over.
                if time.perf_counter() - begun > 2 * seconds:
                    return
                act(number, due)

        return threading.Thread(target=turn)

    def _shout(self, number: int, _due: float) -> None:
        try:
            self._telemetry.append(self._scopes[NOISY], [self._noise[number % _PREPARED]])
        except StoreFull:
            self._result.refused += 1

    def _sender(self, slug: str) -> Callable[[int, float], None]:
        def send(number: int, due: float) -> None:
            self._telemetry.append(self._scopes[slug], [self._calm[number % _PREPARED]])
            self._result.appends.append(time.perf_counter() - due)

        return send

    def _asker(self, slug: str) -> Callable[[int, float], None]:
        end = START + timedelta(hours=1)

        def ask(_number: int, due: float) -> None:
            self._telemetry.read(self._scopes[slug], range(6), START, end)
            self._result.queries.append(time.perf_counter() - due)

        return ask

    def _missing(self, slug: str) -> int:
        table = self._telemetry.read(self._scopes[slug], range(_SIGNALS), START, START + timedelta(hours=1))
        return _PREPARED * _QUIET_ROWS - int(table.num_rows)


def campaign(count: int, seconds: float = 6.0) -> Report:
    """All phases in turn, again and again, so that what else the machine does falls on all of them.

    Args:
        count: rounds.
        seconds: of each phase.
    """
    total = {phase: Felt() for phase in (AS_AGREED, LIMITED, UNLIMITED)}
    for _ in range(count):
        for phase in total:
            total[phase] += felt(phase, seconds)
    conditions = {
        "quota rows/s": _QUOTA_ROWS_S,
        "seconds a phase": seconds,
        "rounds": count,
        "neighbours": len(QUIET),
        "each sends": f"{_QUIET_ROWS} rows every {_QUIET_EACH_S} s and a query every {_QUERY_EACH_S} s",
        "refused": {phase.name: result.refused for phase, result in total.items()},
        "latency": "from when a request was due",
    }
    return Report("campaign neighbours", conditions, list(_figures(total)))


def _figures(total: dict[Phase, Felt]) -> Iterable[Figure]:
    for what in ("appends", "queries"):
        p99 = {phase: _p99_ms(getattr(result, what)) for phase, result in total.items()}
        calm = p99[AS_AGREED]
        peers = {phase.name: value for phase, value in p99.items() if phase is not LIMITED}
        yield judged(f"neighbours_{what}_p99_ms", p99[LIMITED], "ms", "lower", peers=peers)
        yield judged(f"neighbours_{what}_p99_ratio", p99[LIMITED] / calm, "1", "lower", bar=BAR)
        # Queries hardly share anything with appends, so only for those the control has to be felt.
        bar = BAR if what == "appends" else None
        yield judged(f"neighbours_control_{what}_p99_ratio", p99[UNLIMITED] / calm, "1", "higher", bar=bar)
    yield judged("neighbours_rows_lost", sum(r.lost for r in total.values()), "1", "lower", bar=0)


def _p99_ms(latencies: list[float]) -> float:
    return float(np.percentile(latencies, 99)) * 1000


def _batches(rows: int) -> list[SampleBatch]:
    """Batches to send round and round; each has its own seconds, all lie within an hour."""
    part = HOUR_US // _PREPARED
    return [batch_within(number * part, part, rows, _SIGNALS) for number in range(_PREPARED)]
