"""A real server with real data behind a real browser; nothing on these pages is made up by the pages."""

from __future__ import annotations

import json
import math
import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import sync_playwright
from pydantic import SecretStr
from waitress.server import create_server

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.live import door
from tundish_dashboards.live.handover import HandingChannel
from tundish_dashboards.settings import DashboardSettings
from tundish_platform.alarms.notify import Vault
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.marketplace import Catalogue
from tundish_platform.migrations import upgrade
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.programme import register_enterprise
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk.client import Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_token, create_user
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tundish_dashboards.live.hub import Hub

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic",
    "--no-first-run", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PASSWORD = "tundish-test-2026"
PLANT, OTHER = "xianghe-cylinder", "lingdong-power"
LINE = "SY-Site/CylinderShop/CYL1"
SECONDS = 1200
# What a model's worker writes when inspections come in: 20 cases, 18 answered, 15 of them right.
HITS = {"HitCount": 20.0, "AnsweredShare": 0.9, "HitRate": 15 / 18}
BAD, UNCERTAIN = 0x808C0000, 0x40900000


@dataclass(frozen=True)
class World:
    """The server under test and what is known to be in it."""

    url: str
    token: str
    start: datetime
    ids: dict[str, int]
    hub: Hub
    plant: str = PLANT
    other: str = OTHER
    password: str = PASSWORD

    @property
    def named(self) -> str:
        """The address with a name, which passkeys need."""
        return self.url.replace("127.0.0.1", "localhost")

    @property
    def now(self) -> datetime:
        """Source time of the newest sample."""
        return self.start + timedelta(seconds=SECONDS - 1)

    def cut(self) -> int:
        """Break the wire of every page that is being told news; how many there were."""
        viewers = list(self.hub._viewers)
        for viewer in viewers:
            viewer.connection.shutdown(socket.SHUT_RDWR)
        return len(viewers)

    def value_of(self, path: str) -> float:
        """The newest value that was sent for a signal."""
        return _wave(path, SECONDS - 1)


def _specs() -> list[SignalSpec]:
    def spec(path: str, zh: str, en: str, semantic: str, unit: str = "", **more: object) -> SignalSpec:
        values = {"period_s": 1.0, **more}
        return SignalSpec(
            path=f"{LINE}/{path}", name_zh=zh, name_en=en, semantic=semantic, unit=unit, **values
        )

    event = {"period_s": None, "kind": SampleKind.TEXT}
    return [
        *(spec(f"HPU1/Circuit/Pressure{n}", f"压力 {n}", f"Pressure {n}", "pressure.hydraulic", "bar")
          for n in range(1, 4)),
        spec("HPU1/Circuit/Flow1", "流量 1", "Flow 1", "flow.hydraulic", "L/min"),
        spec("HPU1/Tank/Temperature1", "油温 1", "Oil temperature 1", "temperature.oil.hydraulic", "Cel"),
        spec("HPU1/Motor/ActivePower", "电机功率", "Motor power", "power.active.pump", "W"),
        spec("HPU1/Pump/Vibration", "泵振动", "Pump vibration", "vibration.velocity.rms", "mm/s"),
        spec("HPU1/Cooler/Power", "冷却功率", "Cooling power", "power.cooling", "kW"),
        spec("HPU1/Cooler/Efficiency", "冷却效率", "Cooler efficiency", "efficiency.cooler", "%"),
        spec("HPU1/Bench/CycleCount", "循环计数", "Cycle count", "count.cycle", role=SignalRole.COUNTER,
             kind=SampleKind.INTEGER, period_s=60.0),
        spec("HPU1/Bench/State", "试验台状态", "Bench state", "state.packml", role=SignalRole.STATE,
             step=True, **event),
        spec("HPU1/Inspection/Cooler", "冷却器检验结果", "Cooler inspection", "label.hydraulic.cooler", "%",
             role=SignalRole.LABEL, period_s=60.0),
        spec("Models/hydraulic-condition/cooler/Value", "冷却器预测", "Cooler prediction",
             "prediction.hydraulic-condition.cooler", "%", role=SignalRole.PREDICTION, period_s=60.0),
        *(spec(f"Models/hydraulic-condition/cooler/{leaf}", f"冷却器·{leaf}", f"Cooler, {leaf}",
               f"prediction.hydraulic-condition.cooler.{leaf.lower()}", role=SignalRole.PREDICTION,
               period_s=None)
          for leaf in HITS),
        spec("Models/hydraulic-condition/cooler/Evidence", "冷却器预测依据",
             "Evidence of the cooler prediction", "prediction.hydraulic-condition.cooler.evidence",
             role=SignalRole.PREDICTION, **event),
    ]  # fmt: skip


def _wave(path: str, second: int) -> float:
    base = 20.0 + 17.0 * (sum(path.encode()) % 11)
    cycle = second % 60
    return round(base + (8.0 if cycle < 20 else 0.0) + 3.0 * math.sin(second / 7.0), 3)


def _evidence(start: datetime, second: int) -> str:
    end = start + timedelta(seconds=second)
    item = {
        "signal": f"{LINE}/HPU1/Tank/Temperature1",
        "name_zh": "油温 1 的均值", "name_en": "mean of oil temperature 1",
        "value": 54.1, "expected": 44.2, "unit": "Cel", "contribution": 0.61,
    }  # fmt: skip
    power = {
        "signal": f"{LINE}/HPU1/Cooler/Power",
        "name_zh": "冷却功率的均值", "name_en": "mean of cooling power",
        "value": 1.42, "expected": 2.16, "unit": "kW", "contribution": 0.27,
    }  # fmt: skip
    return json.dumps(
        {
            "model": "hydraulic-condition", "version": "1.0.3", "target": "cooler",
            "label_zh": "冷却器效率下降", "label_en": "Cooler at reduced efficiency",
            "value": 20.0, "unit": "%", "low": None, "high": None, "probability": 0.9731,
            "window_start": (end - timedelta(seconds=60)).isoformat(), "window_end": end.isoformat(),
            "completeness": 0.9912, "evidence": [item, power],
            "check_zh": "停机后检查冷却器散热片与冷却水流量。",
            "check_en": "Stop the unit; look at the cooler's fins and its water flow.",
            "trained_from": (start - timedelta(hours=12)).isoformat(), "trained_to": start.isoformat(),
            "cases": 412,
        }
    )  # fmt: skip


def _batches(ids: dict[str, int], start: datetime) -> list[SampleBatch]:
    numeric = [
        p
        for p in ids
        if "/Circuit/" in p or "/Tank/" in p or "/Motor/" in p or "/Pump/" in p or "/Cooler/" in p
    ]
    gap = range(500, 620)
    rows = [
        (ids[path], second, _wave(path, second), 0)
        for path in numeric
        for second in range(SECONDS)
        if second not in gap and not (path.endswith("Cooler/Power") and second > SECONDS - 240)
    ]
    bad = ids[f"{LINE}/HPU1/Pump/Vibration"]
    rows = [
        (s, t, None, BAD)
        if s == bad and t in {300, 301, 302, SECONDS - 1}
        else (s, t, v, UNCERTAIN if t == 400 else q)
        for s, t, v, q in rows
    ]
    ends = range(59, SECONDS, 60)
    rows += [(ids[f"{LINE}/HPU1/Inspection/Cooler"], t, 100.0 if t % 240 == 239 else 20.0, 0) for t in ends]
    model = f"{LINE}/Models/hydraulic-condition/cooler"
    rows += [(ids[f"{model}/Value"], t, 20.0, 0) for t in ends]
    rows += [(ids[f"{model}/{leaf}"], ends[-1], value, 0) for leaf, value in HITS.items()]
    states = [
        (ids[f"{LINE}/HPU1/Bench/State"], t, "Idle" if t % 300 > 240 else "Execute", 0)
        for t in range(0, SECONDS, 20)
    ]
    counts = [(ids[f"{LINE}/HPU1/Bench/CycleCount"], t, t // 60, 0) for t in range(0, SECONDS, 60)]
    evidence = [
        (ids[f"{LINE}/Models/hydraulic-condition/cooler/Evidence"], t, _evidence(start, t), 0) for t in ends
    ]
    arrival = datetime.now(UTC)
    gaps = [
        (ids[p], start + timedelta(seconds=gap[0]), start + timedelta(seconds=gap[-1]), "disconnected")
        for p in numeric
    ]
    return [
        _table(SampleKind.NUMERIC, rows, start, arrival),
        _table(SampleKind.TEXT, [*states, *evidence], start, arrival),
        _table(SampleKind.INTEGER, counts, start, arrival),
        SampleBatch(SampleKind.GAP, _columns(SCHEMAS[SampleKind.GAP], gaps), arrival),
    ]


def _columns(schema: pa.Schema, rows: list[tuple]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _table(kind: SampleKind, rows: list[tuple], start: datetime, arrival: datetime) -> SampleBatch:
    moved = [(s, start + timedelta(seconds=t), v, q) for s, t, v, q in rows]
    return SampleBatch(kind, _columns(SCHEMAS[kind], moved), arrival)


def _accounts(metadata: Metadata) -> str:
    with metadata.session() as session:
        plant = create_tenant(session, PLANT, "湘合油缸(演示)", "Xianghe Cylinder (demo)", "Asia/Shanghai")
        create_tenant(session, OTHER, "菱动功率(演示)", "Lingdong Power Devices (demo)", "Asia/Shanghai")
        create_user(session, "manager", "Lin Manager", PASSWORD, {PLANT: [Role.PLANT_MANAGER]})
        create_user(session, "owner", "Ou Owner", PASSWORD, {PLANT: [Role.OWNER], OTHER: [Role.OWNER]})
        create_user(session, "chief", "Chen Chief", PASSWORD, {PLANT: [Role.OWNER]})
        create_user(session, "keyed", "Kong Keyed", PASSWORD, {PLANT: [Role.VIEWER]})
        create_user(session, "bureau", "Bu Officer", PASSWORD, roles=[Role.BUREAU_OFFICER])
        for code, zh, en, industry, region, tenant in (
            ("91999900TD0000017U", "湘合油缸(演示)", "Xianghe Cylinder (demo)", "C3444", "431302", plant.id),
            ("91999900TD00001210", "安和铸造(演示)", "Anhe Casting (demo)", "C3391", "431302", None),
        ):
            register_enterprise(
                session,
                uscc=code,
                name_zh=zh,
                name_en=en,
                industry=industry,
                region=region,
                demo=True,
                tenant_id=tenant,
            )
        grants = {PLANT: [Role.COLLECTOR, Role.ANALYST]}
        return create_token(session, "collector", grants)


def _heartbeat() -> dict[str, object]:
    return {
        "state": "running", "message_zh": "已连接", "message_en": "connected",
        "counts": {"received": 9100, "queued": 0, "dropped": 0, "sent": 9100}, "spool_hours_left": 71.5,
        "signals": {
            "subscribed": 11,
            "failed": [{"path": f"{LINE}/HPU1/Circuit/Pressure3", "reason": "BadNodeIdUnknown"}],
            "silent": [f"{LINE}/HPU1/Cooler/Power"],
        },
    }  # fmt: skip


def _fill(url: str, token: str, start: datetime) -> dict[str, int]:
    with Client(url, token) as client:
        ids = client.put_signals(PLANT, "hydraulic-opcua", _specs())
        client.ingest(PLANT, _batches(ids, start))
        client.put_source(PLANT, "hydraulic-opcua", _heartbeat())
    return ids


def _nobody(_environ: dict, start_response: object) -> list[bytes]:
    start_response("503 Service Unavailable", [])
    return []


# Each file has a world of its own: what one sends, another must not see, and samples age.
@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("world")
    metadata = Metadata(f"sqlite:///{place / 'metadata.db'}")
    upgrade(metadata)
    token = _accounts(metadata)
    telemetry = Telemetry(place / "store", metadata)
    catalogue = Catalogue.find(Path(__file__).parents[2] / "apps-marketplace", installed=False)
    # Passkeys are bound to the address, whose port is known only when the server listens.
    server = create_server(_nobody, host="127.0.0.1", port=0, threads=8, clear_untrusted_proxy_headers=True)
    server.channel_class = HandingChannel
    people = PeopleSettings(
        key=Fernet.generate_key().decode(), origin=f"http://localhost:{server.effective_port}"
    )
    vault = Vault(SecretStr("v" * 40))
    context = PlatformContext(metadata, telemetry, catalogue, vault, people)
    server.application = create_app(context)
    settings = DashboardSettings(secret_key="k" * 40, rule_version="demo-2026.1")
    attach_dashboards(server.application, context, settings)
    closed = threading.Event()

    def serve() -> None:
        try:
            server.run()
        except OSError:
            # The loop may be waiting for the socket that is closed below.
            if not closed.is_set():
                raise

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.effective_port}"
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=SECONDS + 5)
    hub = server.application.extensions[door.EXTENSION]
    yield World(url, token, start, _fill(url, token, start), hub)
    hub.close()
    closed.set()
    server.close()
    thread.join(timeout=10)
    telemetry.close()
    metadata.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Ends with the module: while Playwright runs, asyncio.run() is refused everywhere in this process.
    if not CHROMIUM.exists():
        pytest.fail("Debian's Chromium is missing. Run: apt-get install -y chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


class Visit:
    """One person's browser with everything that must not happen written down."""

    def __init__(self, context: BrowserContext, world: World) -> None:
        self.world = world
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.page: Page = context.new_page()
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", self._note)

    def _note(self, request: object) -> None:
        url = request.url
        if not url.startswith((self.world.url, self.world.named, "data:", "blob:")):
            self.foreign.append(url)

    def log_in(self, name: str, path: str = "/") -> None:
        self.page.goto(f"{self.world.url}{path}")
        self.page.fill("#login", name)
        self.page.fill("#password", self.world.password)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector("#page h1")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def check(self) -> None:
        assert [e for e in self.errors if not any(part in e for part in self.expected)] == []
        assert self.foreign == []


@pytest.fixture
def visit(browser: Browser, world: World, request: pytest.FixtureRequest) -> Iterator[Visit]:
    wish = getattr(request, "param", {})
    size = {"width": wish.get("width", 1440), "height": wish.get("height", 900)}
    context = browser.new_context(
        viewport=size, locale=wish.get("locale", "zh-CN"), timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(60_000)
    one = Visit(context, world)
    yield one
    try:
        one.check()
    finally:
        context.close()
