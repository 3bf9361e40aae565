"""A made city: how long its figures take to recompute and to publish, and the bureau's page to answer."""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import SecretStr
from sqlalchemy import delete

from tundish_deploy.benchmarks.api.run import served, settings_file
from tundish_deploy.benchmarks.opcua.processes import free_ports
from tundish_deploy.benchmarks.programme.backtest import backtest
from tundish_deploy.benchmarks.programme.visits import Visitor
from tundish_deploy.city import load_city
from tundish_deploy.figures import Figure, judged
from tundish_platform.migrations import upgrade
from tundish_platform.programme import published_rules
from tundish_platform.programme.published import HeadSigner, publish
from tundish_platform.programme.series.frozen import frozen_months
from tundish_platform.programme.series.stored import recompute
from tundish_platform.programme.series.targets import TargetSpec, set_target
from tundish_platform.programme.simulated import SimulatedCity
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.programme import Rule

_RECOMPUTE_BAR: Final = 10.0
_PAGE_BAR: Final = 300.0
_FULL, _FULL_MONTHS = 30_000, 36
_LOADS: Final = 60
_ROUNDS: Final = 3
_COUNTIES: Final = ("", "430202", "430203", "430204", "430211", "430212", "430223", "430224", "430281")
_PARKS: Final = ("", "模拟高新区")


def bench_months(
    enterprises: int, months: int, seed: int, tell: Callable[[str], None]
) -> tuple[list[Figure], dict[str, Any]]:
    """Make a city, recompute its figures, load the bureau's page again and again.

    Args:
        enterprises: of the city; judged from 30,000 on.
        months: frozen.
        seed: of the city.
        tell: progress.

    Returns:
        Figures, and the conditions they were measured under.
    """
    rules = [rule for rule in published_rules().values() if not rule.demo]
    with tempfile.TemporaryDirectory(prefix="tundish-bench-") as name:
        folder = Path(name)
        (port,) = free_ports(1)
        settings = settings_file(folder, port)
        # Above all tables of the file, because a table ends only where another one begins.
        settings.write_text(f'rule_version = "{rules[-1].version}"\n{settings.read_text("utf-8")}', "utf-8")
        file, password = folder / "data" / "metadata.sqlite", secrets.token_urlsafe(16)
        tell(f"a city of {enterprises:,} enterprises and {months} months")
        _found(file, enterprises, months, seed, password)
        tell("recomputing all figures under every official rule")
        seconds = [_recompute(file, rules) for _ in range(_ROUNDS)]
        tell("publishing them, in a copy that does not say it is simulated and is thrown away")
        published = _publish(file, folder / "copy.sqlite", rules[-1])
        tell("the bureau's page, over HTTP")
        with served(settings, port, None), Visitor(port, "bureau", password) as visitor:
            loads = [visitor.load("/bureau") for _ in range(_LOADS)]
    tell("projections of made histories")
    back = backtest(seed, 60, 1_000, 0.3)
    figures = [
        *_speeds(enterprises, months, seconds, [load.milliseconds for load in loads[1:]]),
        Figure("first_page_cold_ms", loads[0].milliseconds, "ms", "lower"),
        Figure("publish_s", published, "s", "lower"),
        Figure("forecast_coverage_of_90", back.coverage, "1", "higher"),
    ]
    return figures, {
        "enterprises": enterprises, "months": months, "rules recomputed": [rule.version for rule in rules],
        "page": f"a server process, SQLite; the address, layout, page and its {loads[-1].callbacks} "
        "callbacks, one after the other on one connection",
        "forecast": "60 made histories of 1,000 enterprises, nine months ahead, months that differ",
    }  # fmt: skip


def _speeds(enterprises: int, months: int, seconds: list[float], loads: list[float]) -> list[Figure]:
    """Judged where the city is as large as was promised."""
    middle, late = float(np.median(seconds)), float(np.quantile(loads, 0.95))
    full = enterprises >= _FULL and months >= _FULL_MONTHS
    return [
        judged("recompute_30000x36_s", middle, "s", "lower", bar=_RECOMPUTE_BAR)
        if full
        else Figure("recompute_s", middle, "s", "lower"),
        judged("first_page_p95_ms", late, "ms", "lower", bar=_PAGE_BAR)
        if full
        else Figure("first_page_small_p95_ms", late, "ms", "lower"),
        Figure("first_page_median_ms", float(np.median(loads)), "ms", "lower"),
    ]


def _found(file: Path, enterprises: int, months: int, seed: int, password: str) -> None:
    now, metadata = datetime.now(UTC), Metadata(f"sqlite:///{file}")
    try:
        upgrade(metadata)
        above = metadata.above(Above.OPERATOR)
        load_city(above, enterprises, months, seed, now, lambda _text: None)
        with above.session() as session:
            create_user(session, "bureau", "Bureau", password, roles=[Role.BUREAU_OFFICER])
            year = int(frozen_months(session)[-1].month[:4])
            for stage, share in (("on_cloud", 0.5), ("on_platform", 0.2)):
                for region, park in [*((county, "") for county in _COUNTIES), *(("", p) for p in _PARKS[1:])]:
                    said = {
                        "year": year, "stage": stage, "kind": "ever", "region": region, "park": park,
                        "value": int(enterprises * share), "source": "bench",
                    }  # fmt: skip
                    set_target(session, TargetSpec.model_validate(said), "bench", now)
    finally:
        metadata.close()


def _recompute(file: Path, rules: list[Rule]) -> float:
    """Seconds that all official rules take together, reading and writing the database included."""
    metadata = Metadata(f"sqlite:///{file}")
    try:
        started = time.perf_counter()
        for rule in rules:
            with metadata.above(Above.ADOPTION).session() as session:
                recompute(session, rule, datetime.now(UTC))
        return time.perf_counter() - started
    finally:
        metadata.close()


def _publish(file: Path, copy: Path, rule: Rule) -> float:
    """Seconds of one publication: counting, cells, evidence, log and head."""
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    metadata = Metadata(f"sqlite:///{copy}").above(Above.ADOPTION)
    try:
        with metadata.session() as session:
            session.execute(delete(SimulatedCity))
        started = time.perf_counter()
        with metadata.session() as session:
            signer = HeadSigner(SecretStr(secrets.token_hex(32)))
            publish(session, signer, rule, "bench", datetime.now(UTC))
        return time.perf_counter() - started
    finally:
        metadata.close()
        copy.unlink()
