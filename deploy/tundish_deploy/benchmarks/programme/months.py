"""A made city: how long all figures take to recompute, and the bureau's first page to answer."""

from __future__ import annotations

import secrets
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import SecretStr
from sqlalchemy import insert

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_deploy.benchmarks.programme.backtest import backtest
from tundish_deploy.benchmarks.programme.histories import city_months
from tundish_deploy.figures import Figure, judged
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace.catalogue import Catalogue
from tundish_platform.migrations import upgrade
from tundish_platform.programme import Enterprise, EvidenceRecord, facts_hash, published_rules
from tundish_platform.programme.facts import aligned
from tundish_platform.programme.series.frozen import freeze
from tundish_platform.programme.series.months import month_of, shifted
from tundish_platform.programme.series.stored import recompute
from tundish_platform.programme.series.targets import TargetSpec, set_target
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from tundish_platform.programme import Rule

_RECOMPUTE_BAR: Final = 10.0
_PAGE_BAR: Final = 300.0
_FULL: Final = 30_000
_ORIGIN: Final = {"Origin": "http://localhost"}
_LOADS: Final = 40
_ROUNDS: Final = 3


def bench_months(
    enterprises: int, months: int, seed: int, tell: Callable[[str], None]
) -> tuple[list[Figure], dict[str, Any]]:
    """Make a city, recompute its figures, load the bureau's page again and again.

    Args:
        enterprises: of the city; judged from 30,000 on.
        months: frozen.
        seed: of the facts.
        tell: progress.

    Returns:
        Figures, and the conditions they were measured under.
    """
    now = datetime.now(UTC)
    rules = [rule for rule in published_rules().values() if not rule.demo]
    with tempfile.TemporaryDirectory(prefix="tundish-bench-") as folder:
        metadata = Metadata(f"sqlite:///{Path(folder) / 'metadata.sqlite'}")
        upgrade(metadata)
        above = metadata.above(Above.ADOPTION)
        tell(f"a city of {enterprises:,} enterprises and {months} months")
        _register(above, enterprises, rules, now)
        _freeze(above, enterprises, months, seed, now)
        tell("recomputing all figures under every official rule")
        seconds = [_recompute(above, rules, now) for _ in range(_ROUNDS)]
        tell("the bureau's page")
        loads = _loads(Path(folder), metadata, rules[-1].version)
        metadata.close()
    tell("projections of made histories")
    back = backtest(seed, 60, 1_000, 0.3)
    full = enterprises >= _FULL
    figures = [
        judged("recompute_30000x36_s", float(np.median(seconds)), "s", "lower", bar=_RECOMPUTE_BAR)
        if full and months >= 36  # noqa: PLR2004 - three years
        else Figure("recompute_s", float(np.median(seconds)), "s", "lower"),
        judged("first_page_p95_ms", float(np.quantile(loads, 0.95)), "ms", "lower", bar=_PAGE_BAR)
        if full
        else Figure("first_page_small_p95_ms", float(np.quantile(loads, 0.95)), "ms", "lower"),
        Figure("first_page_median_ms", float(np.median(loads)), "ms", "lower"),
        Figure("forecast_coverage_of_90", back.coverage, "1", "higher"),
    ]
    return figures, {
        "enterprises": enterprises, "months": months, "rules recomputed": [rule.version for rule in rules],
        "page": "in process, SQLite: the layout and the callbacks that fill it, as JSON",
        "forecast": "60 made histories of 1,000 enterprises, nine months ahead, months that differ",
    }  # fmt: skip


def _register(metadata: Metadata, enterprises: int, rules: list[Rule], now: datetime) -> None:
    known = [
        {
            "id": n, "uscc": f"{n:018d}", "name_zh": f"企业{n}", "name_en": f"Enterprise {n}", "demo": True,
            "industry": f"C{13 + n % 30}11", "region": f"4302{n % 9:02d}", "hours_week": 168.0,
            "registered_at": now,
        }
        for n in range(1, enterprises + 1)
    ]  # fmt: skip
    facts: dict[str, Any] = {"windows": [{"uscc_valid": 1, "industry_set": 1, "region_set": 1}]}
    with metadata.session() as session:
        session.execute(insert(Enterprise), known)
        for rule in rules:
            record = {
                "rule_version": rule.version, "as_of": aligned(rule, now), "assessed_at": now,
                "since": aligned(rule, now), "stage": "registered", "facts": facts,
                "facts_hash": facts_hash(facts),
            }  # fmt: skip
            session.execute(insert(EvidenceRecord), [record | {"enterprise_id": one["id"]} for one in known])


def _freeze(metadata: Metadata, enterprises: int, months: int, seed: int, now: datetime) -> None:
    rng, first = np.random.default_rng(seed), shifted(month_of(now), -months)
    with metadata.session() as session:
        for place, table in enumerate(city_months(rng, enterprises, months)):
            freeze(session, shifted(first, place), table, "2026.2", now, simulated=True)
        for stage, value in (("on_cloud", enterprises // 2), ("on_platform", enterprises // 4)):
            for region in ("", *(f"4302{n:02d}" for n in range(9))):
                said = {"year": now.year, "stage": stage, "kind": "ever", "region": region, "value": value}
                set_target(session, TargetSpec.model_validate(said | {"source": "bench"}), "bench", now)


def _recompute(metadata: Metadata, rules: list[Rule], now: datetime) -> float:
    """Seconds that all official rules take together, reading and writing the database included."""
    started = time.perf_counter()
    for rule in rules:
        with metadata.session() as session:
            recompute(session, rule, now)
    return time.perf_counter() - started


def _loads(folder: Path, metadata: Metadata, rule: str) -> list[float]:
    """Milliseconds of each load of the page: the address, the layout, and what fills it."""
    password = secrets.token_urlsafe(16)
    with metadata.session() as session:
        create_user(session, "bureau", "Bureau", password, roles=[Role.BUREAU_OFFICER])
    telemetry = Telemetry(folder / "store", metadata)
    context = PlatformContext(metadata, telemetry, Catalogue.find(folder, installed=False))
    settings = DashboardSettings(secret_key=SecretStr(secrets.token_urlsafe(40)), rule_version=rule)
    dash = attach_dashboards(create_app(context, ApiSettings()), context, settings)
    client = dash.server.test_client()
    client.post("/login", data={"login": "bureau", "password": password}, headers=_ORIGIN)
    bodies = [
        _body(dash.callback_map, output, rule)
        for output in dash.callback_map
        if output.startswith(("..bureau-figures", "bureau-months"))
    ]
    times = [_load(client, bodies) for _ in range(_LOADS)]
    telemetry.close()
    return times[1:]


def _load(client: FlaskClient, bodies: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    answers = [client.get("/bureau"), client.get("/_dash-layout")]
    answers += [client.post("/_dash-update-component", json=body, headers=_ORIGIN) for body in bodies]
    milliseconds = (time.perf_counter() - started) * 1000
    if any(answer.status_code != 200 for answer in answers):  # noqa: PLR2004 - HTTP
        raise RuntimeError(f"the page answered {[answer.status_code for answer in answers]}")
    return milliseconds


def _body(known: dict[str, Any], output: str, rule: str) -> dict[str, Any]:
    """A callback message as the browser sends it."""
    names = output.strip(".").split("...") if output.startswith("..") else [output]
    parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    inputs = [
        {**part, "value": rule if part["id"] == "bureau-rule" else 0} for part in known[output]["inputs"]
    ]
    return {
        "output": output, "outputs": parts if output.startswith("..") else parts[0], "inputs": inputs,
        "state": [], "changedPropIds": [f"{part['id']}.{part['property']}" for part in inputs],
    }  # fmt: skip
