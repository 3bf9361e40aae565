"""Shadow trials over a store whose history is known, so that each verdict follows by construction."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pypdfium2
import pytest
from waitress import wasyncore
from waitress.server import create_server

from tundish_analytics.jobs.loop import take_one
from tundish_analytics.jobs.tools import Tools
from tundish_analytics.models.registry import Registry
from tundish_platform.alarms import take_reports
from tundish_platform.alerts import FeedbackSpec, give_feedback, take_alert
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import Catalogue, confirm
from tundish_platform.migrations import upgrade
from tundish_platform.samples import SCHEMAS, AlarmReport, AlertReport, SampleBatch, SampleKind, SignalSpec
from tundish_platform.sdk.client import ApiError, Client
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_token, job_principal
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.sdk.calls.trial_answers import Trial

pytestmark = pytest.mark.integration

BEGIN = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=6)
MACHINE = "S/A/L1/M1"
SPECS = [
    SignalSpec(
        path=f"{MACHINE}/C/P", name_zh="压力", name_en="P", semantic="pressure.hydraulic", period_s=60
    ),
    SignalSpec(path=f"{MACHINE}/C/T", name_zh="温度", name_en="T", semantic="temperature.oil", period_s=60),
    SignalSpec(
        path=f"{MACHINE}/C/Q", name_zh="表", name_en="Q", semantic="level.tank", unit="kPa", period_s=60
    ),
]
# Minutes in which the pressure is high, and those from which nothing came.
HIGH = [*range(35, 40), *range(185, 190), *range(275, 280)]
SILENT = range(214, 239)
MANIFEST = """
id = "{name}"
version = "0.1.0"
entry = "tundish_app_{name}.app:run"
publisher = "测试"
problems = ["equipment"]
schedule_s = 1800
window_s = 1800
name = {{ zh = "压力看护", en = "pressure watch" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
[[inputs]]
key = "pressure"
semantic = "pressure.*"
{unit}
name = {{ zh = "压力", en = "pressure" }}
[[outputs]]
key = "excess"
flags = "above:0"
lead_s = 3000
name = {{ zh = "超压", en = "excess" }}
[price]
plan = "per_signal"
fen_per_month = 1250
"""
WATCH = """
from tundish_platform.sdk import AppOutputs, window_values

def run(inputs):
    values = inputs.good(inputs.found("pressure")[0])[1]
    return AppOutputs(values=window_values({"excess": float(values.max()) - 100.0}, inputs.end))
"""
UNITS = {"bars": 'unit = "bar"'}
CRASH = "def run(inputs):\n    raise RuntimeError('the pump sings')\n"


@dataclass
class Plant:
    owner: Client
    other: Client
    worker: Client
    tools: Tools
    metadata: Metadata
    catalogue: Catalogue

    def confirm(self, app: str, path: str) -> None:
        """Have a person confirm a signal as the app's input."""
        with self.metadata.session() as session:
            person = Principal(1, "p", {"plant": (1, frozenset({Role.OWNER}))})
            scope = access_tenant(person, "plant", Permission.SUBSCRIBE)
            signals = list_signals(session, scope)
            wish = {"pressure": [one.id for one in signals if one.path == path]}
            confirm(session, scope, self.catalogue.app(app).manifest, wish, signals, datetime.now(UTC))

    def tried(self, app: str) -> Trial:
        """Ask for a trial, have it done, and fetch what came of it."""
        number = self.owner.start_trial("plant", app)["id"]
        assert take_one(self.tools, threading.Event())
        return self.owner.trial("plant", number)


def at(minute: float) -> datetime:
    return BEGIN + timedelta(minutes=minute)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    place = tmp_path_factory.mktemp("platform")
    metadata = Metadata(f"sqlite:///{place / 'metadata.sqlite'}")
    upgrade(metadata)
    catalogue = _shelf(place / "shelf")
    telemetry = Telemetry(place / "store", metadata)
    with metadata.session() as session:
        create_tenant(session, "plant", "示范厂", "Plant")
        create_tenant(session, "other", "别厂", "Other")
        tokens = {
            "owner": create_token(session, "owner", {"plant": [Role.OWNER]}),
            "other": create_token(session, "other", {"other": [Role.OWNER, Role.ANALYST]}),
            "worker": create_token(session, "worker", {"plant": [Role.ANALYST], "other": [Role.ANALYST]}),
        }
        _history(session, telemetry)
    sockets: dict[int, object] = {}
    app = create_app(PlatformContext(metadata, telemetry, catalogue))
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=4)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    clients = {
        who: Client(f"http://127.0.0.1:{server.effective_port}", token, timeout=60)
        for who, token in tokens.items()
    }
    tools = Tools(
        clients["worker"],
        Registry(place / "models"),
        apps=lambda _tenant: catalogue.versions,
        trial_budget_s=1e6,
    )
    yield Plant(tools=tools, metadata=metadata, catalogue=catalogue, **clients)
    for client in clients.values():
        client.close()
    stopped.set()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)
    telemetry.close()
    metadata.close()


def _shelf(place: Path) -> Catalogue:
    for name, code in (("watch", WATCH), ("crash", CRASH), ("bars", WATCH)):
        folder = place / name / f"tundish_app_{name}"
        folder.mkdir(parents=True)
        (folder / "app.toml").write_text(
            MANIFEST.format(name=name, unit=UNITS.get(name, "")), encoding="utf-8"
        )
        (folder / "__init__.py").write_text("", encoding="utf-8")
        (folder / "app.py").write_text(code, encoding="utf-8")
    return Catalogue.find(place, installed=False)


def _history(session: Session, telemetry: Telemetry) -> None:
    job = job_principal(session, "test", Role.ANALYST)
    scope = access_tenant(job, "plant", Permission.INGEST)
    ids = upsert_signals(session, scope, "opc", SPECS)
    minutes = [minute for minute in range(300) if minute not in SILENT]
    rows = [(number, at(m), 150.0 if m in HIGH else 50.0, 0) for number in ids.values() for m in minutes]
    arrays = [
        pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), SCHEMAS[SampleKind.NUMERIC], strict=True)
    ]
    table = pa.table(arrays, schema=SCHEMAS[SampleKind.NUMERIC])
    telemetry.append(scope, [SampleBatch(SampleKind.NUMERIC, table, at(301))])
    for key, minute in (("burst", 75), ("leak", 130)):
        for active, ts in ((True, at(minute)), (False, at(minute + 10))):
            report = AlarmReport(
                key=key,
                ts=ts,
                active=active,
                path=f"{MACHINE}/C/P",
                priority=3,
                name_zh=f"{key} 报警",
                name_en=key,
            )
            take_reports(session, scope, "opc", [report], ts)
    alert = AlertReport(
        model="m", version="1", line="S/A/L1", target="t", target_zh="泵", target_en="Pump", since=at(288),
        opened_at=at(290), closed_at=at(300), judged_to=at(300), priority=2, label_zh="漏", label_en="Leak",
        confidence=0.9, sureness="interval", check_zh="查", check_en="Look", completeness=1.0,
        window_start=at(280), window_end=at(290),
    )  # fmt: skip
    number = take_alert(session, scope, alert, at(300)).id
    owner = access_tenant(job_principal(session, "test", Role.OWNER), "plant", Permission.HANDLE)
    give_feedback(session, owner, number, FeedbackSpec(verdict="false"), datetime.now(UTC))


def test_a_trial_says_what_was_caught_missed_and_cried_about(plant: Plant, tmp_path: Path) -> None:
    told = plant.tried("watch")
    report = told["report"]
    assert told["state"] == "done", told["failure_en"]
    assert report is not None
    assert (report["runs"], report["planned"], report["left_out"]) == (9, 10, {"incomplete": 1})
    counts = report["counts"]
    assert {key: counts[key] for key in ("caught", "late", "missed", "not_tried")} == {
        "caught": 1, "late": 0, "missed": 1, "not_tried": 0,
    }  # fmt: skip
    assert (counts["cries_caught"], counts["cries_nothing"], counts["cries_false"]) == (1, 1, 1)
    assert (counts["precision"], counts["recall"]) == (pytest.approx(1 / 3), pytest.approx(0.5))
    # The window that saw it ended 16 minutes before the alarm was raised, but for a microsecond.
    assert counts["lead_median_s"] == pytest.approx(960.0, abs=0.001)
    assert [one["what"]["en"] for one in report["troubles"]] == ["burst", "leak"]
    assert [one["verdict"] for one in report["cries"]] == ["caught", "nothing", "false"]
    assert report["known"] == {"alarm": 2, "refuted": 1, "planned": 0}
    assert report["rows"] == 9 * 30
    assert report["cost"] == {"plan": "per_signal", "fen": 1250, "signals": 1, "runs": 1440}
    (figure,) = report["figures"]
    assert (figure[2]["values"], figure[2]["least"], figure[2]["most"]) == (9, -50.0, 50.0)

    _nothing_is_left(plant, told)
    plant.owner.save_trial_document("plant", told["id"], tmp_path / "report.pdf")
    whole = "".join(
        page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(tmp_path / "report.pdf")
    )
    for text in (
        "影子试运行报告",
        "压力看护 0.1.0 · 示范厂",
        "33%",
        "50%",
        "16 分钟",
        "leak 报警",
        "漏报",
        "12.50 元",
    ):
        assert text in whole, text


def _nothing_is_left(plant: Plant, told: Trial) -> None:
    """A trial grants nothing, writes nothing, and reads nothing once it is over."""
    assert plant.owner.subscriptions("plant") == []
    assert {signal.path for signal in plant.owner.signals("plant")} == {spec.path for spec in SPECS}
    with pytest.raises(ApiError, match="trial_over"):
        plant.worker.trial_inputs("plant", told["id"], at(10), at(20))


def test_an_app_that_crashes_in_every_run_is_stopped_and_the_report_says_so(plant: Plant) -> None:
    report = plant.tried("crash")["report"]
    assert report is not None
    assert report["crashing"]
    assert (report["runs"], report["crashed"], report["planned"]) == (0, 5, 5)
    assert "the pump sings" in report["detail"]
    assert report["counts"]["missed"] == 0


def test_a_tenant_without_the_inputs_is_told_which(plant: Plant) -> None:
    with pytest.raises(ApiError, match="missing_inputs") as refused:
        plant.other.start_trial("other", "watch")
    assert "pressure" in refused.value.message


def test_a_trial_reads_what_a_person_confirmed_in_the_unit_of_the_app(plant: Plant) -> None:
    with pytest.raises(ApiError, match="missing_inputs"):
        plant.owner.start_trial("plant", "bars")
    plant.confirm("bars", f"{MACHINE}/C/Q")
    told = plant.tried("bars")
    (gauge,) = [s.id for s in plant.owner.signals("plant") if s.path.endswith("/Q")]
    assert (told["signals"], told["inputs"]) == ([gauge], {"pressure": [gauge]})
    assert told["report"] is not None
    (figure,) = told["report"]["figures"]
    # 50 and 150 kPa are 0.5 and 1.5 bar, of which the app takes 100.
    assert (figure[2]["least"], figure[2]["most"]) == (-99.5, -98.5)


def test_a_running_trial_reads_its_signals_only_and_ends_when_cancelled(plant: Plant) -> None:
    trial = plant.owner.start_trial("plant", "watch")
    with pytest.raises(ApiError, match="trial_over"):
        plant.worker.trial_inputs("plant", trial["id"], at(10), at(20))
    (job,) = plant.worker.claim_job(["trial"], lease_s=600)
    read = plant.worker.trial_inputs("plant", trial["id"], at(10), at(20))
    pressure = next(s.id for s in plant.owner.signals("plant") if s.path.endswith("/P"))
    assert set(read["signal"].to_pylist()) == {pressure}
    with pytest.raises(ApiError, match="window_too_long"):
        plant.worker.trial_inputs("plant", trial["id"], at(10), at(70))
    # Nobody of the plant reads through the app's eyes, and no other plant finds the trial.
    with pytest.raises(ApiError, match="403"):
        plant.owner.trial_inputs("plant", trial["id"], at(10), at(20))
    for ask in (plant.other.trial, plant.other.cancel_trial):
        with pytest.raises(ApiError, match="unknown_trial"):
            ask("other", trial["id"])
    assert list(plant.other.trials("other")) == []
    assert plant.owner.start_trial("plant", "watch")["id"] == trial["id"]
    assert plant.owner.cancel_trial("plant", trial["id"])["ending"]
    assert plant.worker.job_progress(job, 0.5)["state"] == "cancelled"
    result = {"step_s": 1800.0, "windows": []}
    with pytest.raises(ApiError, match="trial_over"):
        plant.worker.post_trial(job, trial["id"], result)
    assert plant.owner.trial("plant", trial["id"])["state"] == "cancelled"


def test_a_job_of_a_trial_is_asked_for_by_its_app_alone(plant: Plant) -> None:
    for ask in (
        lambda: plant.owner.ask_job("plant", "trial", {"trial": 1, "app": "watch"}),
        lambda: plant.owner.schedule_job("plant", "trial", {"trial": 1, "app": "watch"}, "0 3 * * 1"),
    ):
        with pytest.raises(ApiError, match="422"):
            _called(ask)


def _called(ask: Callable[[], object]) -> None:
    ask()
