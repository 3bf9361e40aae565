"""The benchmark's figures and what they should reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from tundish_deploy.figures import Figure, judged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_deploy.benchmarks.store.engine import Written
    from tundish_deploy.benchmarks.store.questions import Times

# What was promised is promised for this many rows and tenants; smaller runs are not judged.
FULL_ROWS: Final = 100_000_000
FULL_TENANTS: Final = 30_000
_RATIO_BARS: Final = {"victoriametrics": 5.0, "influxdb": 10.0, "postgres": 3.0, "duckdb": 1.0}
_LOADED: Final = 2.0
_GIGABYTE: Final = 1e9


class Figures:
    """Collects figures; a bar counts only where the run is as large as the promise.

    Args:
        full: whether it is.
    """

    def __init__(self, *, full: bool) -> None:
        self.full = full
        self.found: list[Figure] = []

    def add(
        self,
        name: str,
        value: float | None,
        unit: str,
        better: Literal["higher", "lower"],
        bar: float | None = None,
        peers: Mapping[str, float] | None = None,
    ) -> None:
        """One figure; without a value it could not be measured, which reaches no bar."""
        bar = bar if self.full else None
        if value is None:
            holds = None if bar is None else False
            self.found.append(Figure(name, None, unit, better, bar, holds, dict(peers or {})))
        else:
            self.found.append(judged(name, value, unit, better, bar=bar, peers=dict(peers or {})))

    def ingest(self, ours: Written, peers: Mapping[str, Written]) -> None:
        """The main run: all rows at 50,000 a batch."""

        def of(field: str) -> dict[str, float]:
            return {name: getattr(peer, field) for name, peer in peers.items()}

        self.add("ingest_rows_per_s", ours.rate, "1/s", "higher", 3e6, of("rate"))
        self.add(
            "ingest_acknowledged_rows_per_s", ours.acknowledged, "1/s", "higher", None, of("acknowledged")
        )
        self.add("ingest_cpu_s_per_million", ours.cpu, "s", "lower", 0.4, of("cpu"))
        for name, peer in peers.items():
            self.add(f"ingest_vs_{name}", ours.rate / peer.rate, "1", "higher", _RATIO_BARS[name])
            ratio = ours.rate / peer.rate_with_encoding
            self.add(f"ingest_vs_{name}_with_encoding", ratio, "1", "higher")
            self.add(f"ingest_cpu_vs_{name}", peer.cpu / ours.cpu, "1", "higher")
        self.add("encoding_s_per_million", ours.encode_s, "s", "lower", None, of("encode_s"))
        self.add("commit_p50_ms", ours.commit_ms, "ms", "lower", None, of("commit_ms"))
        self.add("bytes_per_row", ours.bytes_per_row, "By", "lower", 3.5, of("bytes_per_row"))

    def variant(self, name: str, ours: Written, peers: Mapping[str, Written] | None = None) -> None:
        """Another ingest: smaller batches, late or repeated rows, many tenants."""
        peers = peers or {}
        rates = {peer: of.rate for peer, of in peers.items()}
        self.add(f"ingest_{name}_rows_per_s", ours.rate, "1/s", "higher", None, rates)
        costs = {peer: of.cpu for peer, of in peers.items()}
        self.add(f"ingest_{name}_cpu_s_per_million", ours.cpu, "s", "lower", None, costs)
        self.add(f"ingest_{name}_bytes_per_row", ours.bytes_per_row, "By", "lower")

    def question(self, name: str, bar_ms: float, ours: Times, peers: Mapping[str, Times]) -> None:
        """A question at rest."""
        medians = {peer: times.p50 for peer, times in peers.items()}
        late = {peer: times.p95 for peer, times in peers.items()}
        self.add(f"{name}_ms", ours.p50, "ms", "lower", bar_ms, medians)
        self.add(f"{name}_p95_ms", ours.p95, "ms", "lower", None, late)
        if "duckdb" in medians:
            self.add(f"{name}_vs_duckdb", medians["duckdb"] / ours.p50, "1", "higher", 1.0)

    def loaded(self, name: str, idle: Times, loaded: Times) -> None:
        """A question while rows arrive."""
        self.add(f"{name}_loaded_p95_ms", loaded.p95, "ms", "lower")
        self.add(f"{name}_loaded_over_idle", loaded.p95 / idle.p95, "1", "lower", _LOADED)

    def cold(self, name: str, ours: float, peers: Mapping[str, float]) -> None:
        """A question right after opening, with nothing of the files in memory."""
        self.add(f"{name}_cold_ms", ours, "ms", "lower", None, peers)

    def fleet(self, found: Mapping[str, float]) -> None:
        """Many idle tenants."""
        self.add("tenants_memory_gb", found["memory_bytes"] / _GIGABYTE, "GB", "lower", 1.5)
        self.add("tenants_startup_s", found["startup_s"], "s", "lower", 2.0)
        self.add("tenants_recovery_s", found["recovery_s"], "s", "lower")
        self.add("tenants_spill_cpu_s", found["spill_cpu_s"], "s", "lower")
        self.add("tenants_core_share", found["cpu_share"], "1", "lower", 1.0)
        # A batch that waits a minute meets the next one: then the core was not enough.
        self.add("tenants_late_p99_s", found["late_p99_s"], "s", "lower", 60.0)
        self.add("tenants_open_files", found["open_files"], "1", "lower")
        self.add("tenants_threads", found["threads"], "1", "lower")
