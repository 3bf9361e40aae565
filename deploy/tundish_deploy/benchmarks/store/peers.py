"""Which peers there are, and whether they are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_deploy.benchmarks.store import postgres
from tundish_deploy.benchmarks.store.duck import DuckDb
from tundish_deploy.benchmarks.store.influx import InfluxDb
from tundish_deploy.benchmarks.store.postgres import Postgres
from tundish_deploy.benchmarks.store.processes import program, version_of
from tundish_deploy.benchmarks.store.victoria import VictoriaMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tundish_deploy.benchmarks.store.engine import Engine

PEERS: Final[dict[str, Callable[[Path], Engine]]] = {
    "victoriametrics": VictoriaMetrics,
    "influxdb": InfluxDb,
    "postgres": Postgres,
    "duckdb": DuckDb,
}
# Rows that tell a peer's speed; all of them only where it keeps up with that.
ENOUGH: Final = {"victoriametrics": 10_000_000, "influxdb": 5_000_000, "postgres": 10_000_000}
DURABLE: Final = {
    "victoriametrics": "no: acknowledged rows lie in memory for seconds; whole ms",
    "influxdb": "yes, its log is synced at each write; whole ms",
    "postgres": "yes, synchronous_commit on; COPY BINARY, no index, no vacuum",
    "duckdb": "yes, a commit a batch",
}


def chosen(names: str) -> list[str]:
    """Peers by a list with commas; ``none`` for none of them.

    Raises:
        ValueError: there is no such peer.
        PeerMissing: one is not installed; what to do is in the message.
    """
    wanted = [] if names == "none" else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in PEERS:
            raise ValueError(f"there is no peer {name!r}; there are {', '.join(PEERS)}, or none")
    return [name for name in wanted if versions([name])]


def versions(names: Sequence[str]) -> dict[str, str]:
    """What each installed peer calls itself.

    Raises:
        PeerMissing: one is not installed.
    """
    told: dict[str, Callable[[], str]] = {
        "victoriametrics": _victoria_version,
        "influxdb": lambda: version_of(program("influxd"), "version"),
        "postgres": postgres.version,
        "duckdb": _duckdb_version,
    }
    return {name: told[name]() for name in names}


def _victoria_version() -> str:
    # Debian's build does not know its own version; the package does.
    program("victoria-metrics")
    package = version_of("dpkg-query", "-W", "-f", "${Version}", "victoria-metrics")
    return f"VictoriaMetrics, Debian package {package}"


def _duckdb_version() -> str:
    import duckdb

    return f"DuckDB {duckdb.__version__}"
