"""What the demo check asserts, all of it through the public API with tokens that have a person's rights."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import pyarrow.compute as pc

from tundish_deploy.demo.layout import RULE
from tundish_deploy.demo.plan import PLANTS, UNCONNECTED
from tundish_platform.samples import SampleKind, is_good
from tundish_platform.samples.kits import kit
from tundish_platform.sdk.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tundish_deploy.demo.plan import DemoPlant
    from tundish_deploy.demo.run import Demo
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk.client import Client

_FORBIDDEN: Final = {403, 404}
_LEAST_ROWS: Final = 500
_APP: Final = "spc-monitor"
_T = TypeVar("_T")


class Failed(Exception):  # noqa: N818 - the result of a check
    """A check did not hold; the message says what was found instead."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One asserted fact with its figure."""

    name: str
    figure: str
    ok: bool


def nothing_counts_before_data_flows(demo: Demo) -> list[Finding]:
    """Imported history alone puts nobody on the cloud."""
    on_cloud = _stages(demo)["on_cloud"]
    return [
        Finding(
            "接入前无企业计入 · nobody counts before data flows", f"{on_cloud} on cloud", ok=on_cloud == 0
        )
    ]


def samples_came_through(demo: Demo) -> list[Finding]:
    """Live samples of every line, with source time, status and arrival."""
    findings = []
    with demo.client("worker") as client:
        for plant in PLANTS:
            signals = [s for s in client.signals(plant.slug) if s.source == plant.kit]
            v0 = demo.live_start(plant)
            now = datetime.now(UTC)
            rows = 0
            ahead = bad = 0
            for kind in (SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT, SampleKind.ARRAY):
                ids = [s.id for s in signals if s.kind is kind]
                if not ids:
                    continue
                table = client.samples(plant.slug, ids, v0, now + timedelta(days=1), kind)
                rows += table.num_rows
                ahead += pc.sum(pc.greater(table["ts"], table["arrival"])).as_py() or 0
                bad += int((~is_good(table["status"].to_numpy())).sum())
            ok = rows >= _LEAST_ROWS and ahead == 0 and bool(signals)
            figure = (
                f"{rows:,} samples of {len(signals)} signals, {bad} not good, {ahead} ahead of their arrival"
            )
            findings.append(Finding(f"实时样本 · live samples, {plant.kit}", figure, ok=ok))
    return findings


def statuses_and_kinds_are_kept(demo: Demo) -> list[Finding]:
    """Somewhere among the lines there are good, uncertain and bad samples, texts and arrays."""
    severities: set[int] = set()
    kinds: set[str] = set()
    with demo.client("worker") as client:
        for plant in PLANTS:
            v0 = demo.live_start(plant)
            signals = [s for s in client.signals(plant.slug) if s.source == plant.kit]
            kinds |= {row_kind(signals, row) for row in client.latest(plant.slug)} - {""}
            ids = [s.id for s in signals if s.kind is SampleKind.NUMERIC]
            table = client.samples(plant.slug, ids, v0, datetime.now(UTC) + timedelta(days=1))
            severities |= set(np.right_shift(table["status"].to_numpy(), np.uint32(30)).tolist())
    return [
        Finding(
            "状态码 · good, uncertain and bad statuses", str(sorted(severities)), ok=severities >= {0, 1, 2}
        ),
        Finding(
            "文本与波形 · texts and arrays",
            ", ".join(sorted(kinds)),
            ok=kinds >= {"text", "array", "numeric"},
        ),
    ]


def row_kind(signals: list[SignalInfo], row: Mapping[str, Any]) -> str:
    """Kind of the signal that a latest value belongs to, if a connector delivers it."""
    return next((s.kind.value for s in signals if s.id == row["signal"]), "")


def predictions_came(demo: Demo) -> list[Finding]:
    """Each line has predictions whose evidence names signals, window and model."""
    findings = []
    with demo.client("worker") as client:
        for plant in PLANTS:
            found = list(client.predictions(plant.slug))
            whole = [p for p in found if p.get("evidence") and p.get("model") and p.get("window_end")]
            targets = ", ".join(sorted(f"{p['target']}={p.get('label_en') or p.get('value')}" for p in whole))
            ok = bool(whole) and len(whole) == len(found)
            findings.append(Finding(f"预测与依据 · predictions, {plant.kit}", targets or "none", ok=ok))
    return findings


def lines_have_their_rules(demo: Demo) -> list[Finding]:
    """Each line has the alarm rules of its kit, and what they watch is called by name."""
    findings = []
    for plant in PLANTS:
        with demo.client(f"check-{plant.slug}") as client:
            rules = list(client.alarm_rules(plant.slug))
            names = {asset["name_zh"] for asset in client.assets(plant.slug)}
        wanted = kit(plant.kit)
        ok = len(rules) == len(wanted.rules) and wanted.name_zh in names
        findings.append(Finding(f"设备与报警规则 · alarm rules, {plant.kit}", f"{len(rules)}", ok=ok))
    return findings


def adoption_follows_from_data(demo: Demo) -> list[Finding]:
    """The bureau counts exactly the enterprises whose data arrived, each with its evidence."""
    stages = _until(lambda: _stages(demo), lambda found: found["on_cloud"] == len(PLANTS), seconds=150)
    with demo.client("check-bureau") as bureau:
        register = bureau.enterprises(RULE)
        evidence = bureau.evidence(PLANTS[0].uscc, "演示核查 · check of the demonstration", RULE)
    stage = next(str(row["stage"]) for row in register if row["uscc"] == UNCONNECTED.uscc)
    return [
        Finding("上云企业数 · enterprises on cloud", f"{stages}", ok=stages["on_cloud"] == len(PLANTS)),
        Finding(
            "未接入不计 · unconnected not counted",
            stage,
            ok=stage == "registered",
        ),
        Finding("证据可查 · evidence behind a count", f"{len(evidence)} fields", ok=bool(evidence)),
    ]


def tenants_are_apart(demo: Demo) -> list[Finding]:
    """A plant's token gets 403 or 404 for other plants, as do the bureau's and a collector's for reading."""
    answers: list[int] = []
    for plant in PLANTS:
        others = [p.slug for p in PLANTS if p is not plant]
        answers += _statuses(demo, f"check-{plant.slug}", others)
        answers += _statuses(demo, "check-bureau", [plant.slug])
        answers += _statuses(demo, f"collect-{plant.slug}", [plant.slug])
    own = _statuses(demo, f"check-{PLANTS[0].slug}", [PLANTS[0].slug])
    refused = sum(status in _FORBIDDEN for status in answers)
    return [
        Finding(
            "租户隔离 · foreign reads refused", f"{refused} of {len(answers)}", ok=refused == len(answers)
        ),
        Finding("自有可读 · own reads answered", f"{own}", ok=set(own) == {200}),
    ]


def _statuses(demo: Demo, service: str, tenants: list[str]) -> list[int]:
    statuses = []
    with demo.client(service) as client:
        reads: list[Callable[[str], Any]] = [
            client.signals,
            client.latest,
            lambda tenant: list(client.predictions(tenant)),
            client.sources,
            client.runs,
        ]
        for tenant in tenants:
            for read in reads:
                try:
                    read(tenant)
                    statuses.append(200)
                except ApiError as error:
                    statuses.append(error.status)
    return statuses


def an_app_runs_on_granted_signals(demo: Demo) -> list[Finding]:
    """Subscribing grants signals, and the app runs out of process on those alone."""
    plant = PLANTS[0]
    with demo.client(f"check-{plant.slug}") as client:
        client.subscribe(plant.slug, _APP)
    with demo.client("worker") as worker:
        granted = worker.grants(plant.slug, _APP)
        runs = _until(lambda: worker.runs(plant.slug), bool, seconds=90)
    newest: Mapping[str, Any] = runs[0] if runs else {}
    return [
        Finding("应用授权 · signals granted", f"{len(granted)}", ok=bool(granted)),
        Finding(
            "应用运行 · app run",
            f"{newest.get('outcome')}, {newest.get('rows_in')} rows, {newest.get('isolation')}",
            ok=newest.get("outcome") == "ok",
        ),
    ]


def stopping_withdraws_the_grant(demo: Demo) -> list[Finding]:
    """After stopping, the app's inputs are refused."""
    plant = PLANTS[1]
    with demo.client(f"check-{plant.slug}") as client:
        client.subscribe(plant.slug, _APP)
        client.stop(plant.slug, _APP)
        left = [s for s in client.subscriptions(plant.slug) if s["app"] == _APP]
    with demo.client("worker") as worker:
        try:
            granted = worker.grants(plant.slug, _APP)
        except ApiError as error:
            granted = [] if error.status in _FORBIDDEN else [-1]
    return [
        Finding("退订撤权 · stop withdraws the grant", f"{len(granted)} granted", ok=not granted and not left)
    ]


def a_killed_collector_loses_nothing(demo: Demo) -> list[Finding]:
    """Kill -9 a collector: it comes back, and each second of its counter is there or recorded as a gap."""
    plant = PLANTS[0]
    before = datetime.now(UTC)
    pid = demo.supervisor.pid(f"collect-{plant.kit}")
    if pid is None:
        raise Failed("the collector does not run")
    os.kill(pid, signal.SIGKILL)
    back = _until(lambda: _fresh(demo, plant, before + timedelta(seconds=5)), bool, seconds=60)
    time.sleep(5)
    holes, unexplained = _holes(demo, plant)
    return [
        Finding(
            "采集器被杀 · collector killed",
            f"{holes} s missing, {unexplained} s of them without a gap record",
            # Without a sample from after the kill there would be no hole to explain.
            ok=back and unexplained == 0,
        )
    ]


def _fresh(demo: Demo, plant: DemoPlant, since: datetime) -> bool:
    with demo.client("worker") as client:
        rows = client.latest(plant.slug, [_pressure(client, plant).id])
    return any(datetime.fromisoformat(row["arrival"]) > since for row in rows)


def _pressure(client: Client, plant: DemoPlant) -> SignalInfo:
    """A signal that the collector alone writes, each second; predictions and apps keep coming without it."""
    return next(s for s in client.signals(plant.slug) if s.path.endswith("HPU1/Circuit/Pressure1"))


def _holes(demo: Demo, plant: DemoPlant) -> tuple[int, int]:
    """Seconds of source time without a sample of the 1 Hz pressure, and how many of them no gap covers."""
    with demo.client("worker") as client:
        pressure = _pressure(client, plant)
        start, end = demo.live_start(plant), datetime.now(UTC) + timedelta(days=1)
        table = client.samples(plant.slug, [pressure.id], start, end)
        gaps = client.gaps(plant.slug, [pressure.id], start, end)
    seconds = np.unique(table["ts"].cast("int64").to_numpy() // 1_000_000)
    missing = np.setdiff1d(np.arange(seconds.min(), seconds.max() + 1), seconds)
    covered = np.zeros(len(missing), dtype=bool)
    for gap in gaps:
        first, last = (datetime.fromisoformat(gap[key]).timestamp() for key in ("ts", "end"))
        covered |= (missing >= first) & (missing <= last)
    return len(missing), int((~covered).sum())


def _stages(demo: Demo) -> dict[str, int]:
    with demo.client("check-bureau") as bureau:
        report = bureau.adoption(RULE)
    return {stage["stage"]: stage["current"] for stage in report["stages"]}


def _until(ask: Callable[[], _T], enough: Callable[[_T], bool], seconds: float) -> _T:
    deadline = time.monotonic() + seconds
    while True:
        found = ask()
        if enough(found) or time.monotonic() > deadline:
            return found
        time.sleep(2)


ALL: Final = [
    samples_came_through,
    statuses_and_kinds_are_kept,
    predictions_came,
    lines_have_their_rules,
    tenants_are_apart,
    stopping_withdraws_the_grant,
    adoption_follows_from_data,
]
