"""The runner over a client that behaves as the API does: reads what is granted, writes back, records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pyarrow as pa
import pytest

from tundish_platform.marketplace import Catalogue, Outcome, SandboxResult
from tundish_platform.marketplace.publishing.approved import FetchedPackages
from tundish_platform.marketplace.runner import Runner, output_specs
from tundish_platform.marketplace.upgrades import Shadow
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk import AppOutputs, Document, OutputValue
from tundish_platform.sdk.records import RECORDS, RecordKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tundish_platform.marketplace import App
    from tundish_platform.samples import AlertReport, SignalInfo

pytestmark = pytest.mark.integration


@dataclass
class Recorder:
    """One tenant whose single granted signal has one sample a second."""

    signal: SignalInfo
    newest: datetime
    app: str
    last_run_at: datetime | None = None
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    declared: dict[str, list[SignalSpec]] = field(default_factory=dict)
    written: list[SampleBatch] = field(default_factory=list)
    recorded: list[dict[str, Any]] = field(default_factory=list)
    shadows: list[Shadow] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)

    def signals(self, _tenant: str) -> list[SignalInfo]:
        return [self.signal, self.signal.model_copy(update={"id": 2, "path": "S/A/L1/M1/C/Secret"})]

    def latest(self, _tenant: str) -> list[dict[str, Any]]:
        later = self.newest + timedelta(days=1)
        return [{"signal": 1, "ts": self.newest.isoformat()}, {"signal": 2, "ts": later.isoformat()}]

    def subscriptions(self, _tenant: str) -> list[dict[str, Any]]:
        last = self.last_run_at.isoformat() if self.last_run_at else None
        settings = {
            "version": "0.1.0",
            "schedule_s": 60.0,
            "window_s": 600.0,
            "parameters": {},
            "last_run_at": last,
        }
        return [{"app": self.app, "signals": [1], **settings}, {"app": "gone", "signals": [], **settings}]

    def app_inputs(
        self, _tenant: str, _app: str, start: datetime, end: datetime, kind: SampleKind
    ) -> pa.Table:
        self.asked.append((start, end))
        times = [self.newest - timedelta(seconds=n) for n in range(599, -1, -1)]
        columns = [[1] * 600, times, [float(n) for n in range(600)], [0] * 600]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMAS[kind], strict=True)]
        table = pa.table(arrays, schema=SCHEMAS[kind])
        return table.append_column("arrival", table.column("ts"))

    def put_signals(self, _tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        self.declared[source] = list(specs)
        return {spec.path: 100 + n for n, spec in enumerate(specs)}

    def ingest(self, _tenant: str, batches: Sequence[SampleBatch]) -> int:
        self.written.extend(batches)
        return sum(len(batch) for batch in batches)

    def upgrade_inputs(
        self, tenant: str, _number: int, start: datetime, end: datetime, kind: SampleKind
    ) -> pa.Table:
        return self.app_inputs(tenant, "", start, end, kind)

    def post_shadow(self, _tenant: str, _number: int, shadow: dict[str, Any]) -> None:
        self.shadows.append(Shadow.model_validate(shadow))

    def post_run(self, _tenant: str, run: dict[str, Any]) -> None:
        self.recorded.append(run)

    def apps(self, _tenant: str) -> dict[str, App]:
        return {}

    def packages(self, _tenant: str) -> list[dict[str, str]]:
        return [{"app": self.app, "version": "0.1.0", "digest": "d"}]

    def package(self, _tenant: str, digest: str) -> bytes:
        return digest.encode()

    def app_records(self, _tenant: str, _app: str, kind: RecordKind) -> pa.Table:
        return RECORDS[kind].empty_table()

    def post_documents(self, _tenant: str, _app: str, documents: list[dict[str, Any]]) -> list[int]:
        return list(range(len(documents)))

    def alerts(self, _tenant: str, **_wanted: object) -> list[dict[str, Any]]:
        return []

    def raise_alert(self, _tenant: str, _report: AlertReport) -> None:
        pass

    def give_figures(self, _tenant: str, _app: str, _figures: dict[str, float], _size: str) -> None:
        pass


class Named:
    """Passes on what is asked, and keeps for which tenant."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.asked: dict[str, set[str]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(tenant: str, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - of whatever call
            self.asked.setdefault(name, set()).add(tenant)
            return getattr(self._inner, name)(tenant, *more, **named)

        return call


def runner(
    make_app: Callable[..., App], tmp_path: Path, pressure: SignalInfo, moment: datetime, body: str
) -> tuple[Runner, Recorder]:
    make_app(body)
    client = Recorder(pressure, moment, "probe")
    return Runner(client, Catalogue.find(tmp_path / "shelf", installed=False)), client


def test_a_due_app_reads_its_window_and_writes_its_signals_back(
    make_app: Callable[..., App], tmp_path: Path, pressure: SignalInfo, moment: datetime
) -> None:
    body = """
rows = inputs.table("pressure.hydraulic")
values = {"number": float(rows.num_rows), "words": ",".join(s.path for s in inputs.signals)}
return AppOutputs(values=window_values(values, inputs.good(inputs.signals[0])[0][-1].item().replace(
    tzinfo=inputs.end.tzinfo)))
"""
    work, client = runner(make_app, tmp_path, pressure, moment, body)
    named: Any = Named(client)
    (run,) = replace(work, client=named, packages=named.apps).run_due("plant", moment)
    assert (run.outcome, run.rows_in, run.values_out) == ("ok", 600, 2), run.message_en
    ((start, end),) = client.asked
    assert (end - start, end - moment) == (timedelta(seconds=600), timedelta(microseconds=1))
    (specs,) = client.declared.values()
    assert list(client.declared) == ["app:probe"]
    assert [s.path for s in specs] == ["S/A/L1/Apps/probe/number", "S/A/L1/Apps/probe/words"]
    assert {s.semantic for s in specs} == {"app.probe.number", "app.probe.words"}
    assert {s.role for s in specs} == {SignalRole.OUTPUT}
    numeric, text = client.written
    assert numeric.table.column("value").to_pylist() == [600.0]
    assert text.table.column("value").to_pylist() == ["S/A/L1/M1/C/P"]
    assert text.table.column("signal").to_pylist() == [101]
    assert client.recorded[0]["screen"] == {"blocks": []}
    asked = ("subscriptions", "apps", "signals", "latest", "app_inputs", "put_signals", "ingest", "post_run")
    assert named.asked == {key: {"plant"} for key in asked}


def test_records_documents_and_packages_are_of_the_tenant_that_was_asked_for(
    make_app: Callable[..., App], tmp_path: Path, pressure: SignalInfo, moment: datetime
) -> None:
    work, client = runner(make_app, tmp_path, pressure, moment, "return said(inputs, 'x')")
    named: Any = Named(client)
    work = replace(work, client=named, packages=named.apps)
    app = work.catalogue.app("probe")
    wishes = app.manifest.model_copy(update={"records": (SimpleNamespace(kind=RecordKind.PEERS),)})
    agreed = {"signals": [1], "window_s": 600.0, "parameters": {}, "records": ["peers"]}
    inputs = work._read("plant", replace(app, manifest=wishes), agreed, moment)
    outputs: Any = SimpleNamespace(documents=[OutputValue(output="words", ts=moment, value="x")], told=dict)
    work._hand_over("plant", app, inputs, outputs)
    work.record_unreached("plant", {"app": "probe", "version": "0.1.0"}, moment)
    # An app that is not the platform's own is looked for among the tenant's packages.
    work.record_unreached("plant", {"app": "elsewhere", "version": "0.1.0"}, moment)
    folder: Any = SimpleNamespace(
        has=lambda _digest: False, keep=client.kept.append, load=lambda _digest: app
    )
    assert FetchedPackages(named, folder)("plant") == {("probe", "0.1.0"): app}
    assert client.kept == [b"d"]
    asked = {"app_records", "post_documents", "give_figures", "post_run", "apps", "packages", "package"}
    assert asked <= named.asked.keys()
    assert set.union(*named.asked.values()) == {"plant"}


def test_a_run_hands_documents_and_alerts_to_the_tenant_whose_data_it_read(
    make_app: Callable[..., App], tmp_path: Path, pressure: SignalInfo, moment: datetime
) -> None:
    work, client = runner(make_app, tmp_path, pressure, moment, "return said(inputs, 'x')")
    plain = work.catalogue.app("probe")
    flagged = [one.model_copy(update={"flags": "is:bad"}) for one in plain.manifest.outputs]
    app = replace(plain, manifest=plain.manifest.model_copy(update={"outputs": tuple(flagged)}))
    paper = Document(key="paper", content={"heat": 1})
    bad = (OutputValue(output="words", ts=moment, value="bad"),)
    ended = SandboxResult(
        Outcome.OK, AppOutputs(values=bad, documents=(paper,)), 1.0, "process", filtered=False
    )
    named: Any = Named(client)
    ready = replace(work, client=named)
    with mock.patch.object(Runner, "_sandboxed", return_value=ended):
        ready.run_once("plant", app, {"signals": [1], "window_s": 600.0, "parameters": {}}, moment)
    handed = {"post_documents", "alerts", "raise_alert", "post_run", "ingest"}
    assert handed <= named.asked.keys()
    assert set.union(*named.asked.values()) == {"plant"}


def test_an_app_that_is_not_due_does_not_run(
    make_app: Callable[..., App], tmp_path: Path, pressure: SignalInfo, moment: datetime
) -> None:
    work, client = runner(make_app, tmp_path, pressure, moment, "return said(inputs, 'x')")
    client.last_run_at = moment - timedelta(seconds=59)
    assert work.run_due("plant", moment) == []
    assert client.recorded == []


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        ("raise RuntimeError('broken')", "failed", "broken"),
        ("return AppOutputs(missing=('any',))", "missing_input", "any"),
    ],
)
def test_an_app_that_fails_writes_nothing_and_the_record_says_why(
    make_app: Callable[..., App],
    tmp_path: Path,
    pressure: SignalInfo,
    moment: datetime,
    body: str,
    outcome: str,
    said: str,
) -> None:
    work, client = runner(make_app, tmp_path, pressure, moment, body)
    (run,) = work.run_due("plant", moment)
    assert run.outcome == outcome
    assert said in run.message_zh
    assert said in run.message_en
    assert client.written == []
    assert [row["outcome"] for row in client.recorded] == [outcome]


def test_outputs_of_signals_from_several_lines_lie_below_apps(
    make_app: Callable[..., App], pressure: SignalInfo
) -> None:
    app = make_app("return said(inputs, 'x')")
    other = pressure.model_copy(update={"path": "S/A/L2/M1/C/P"})
    assert output_specs(app, [pressure, other])["number"].path == "Apps/probe/number"


@pytest.mark.parametrize(
    ("body", "halted", "outcome", "differing"),
    [
        ("return AppOutputs(values=window_values({'number': 1.0 + 1e-13}, inputs.start))", None, "ok", []),
        ("return AppOutputs(values=window_values({'number': 2.0}, inputs.start))", None, "ok", [(1.0, 2.0)]),
        ("return said(inputs, 'x')", None, "ok", [(1.0, None)]),
        ("raise RuntimeError('broken')", None, "failed", []),
        ("return said(inputs, 'x')", {"version": "0.1.0"}, "ok", []),
    ],
)
def test_a_newer_version_tries_itself_over_the_same_data_and_nothing_of_it_is_written(
    make_app: Callable[..., App],
    pressure: SignalInfo,
    moment: datetime,
    body: str,
    halted: dict[str, str] | None,
    outcome: str,
    differing: list[tuple[float, float | None]],
) -> None:
    old = make_app("return AppOutputs(values=window_values({'number': 1.0}, inputs.start))")
    new = make_app(body, "newer")
    new = replace(new, manifest=new.manifest.model_copy(update={"id": "probe", "version": "0.2.0"}))
    versions = {("probe", "0.1.0"): old, ("probe", "0.2.0"): new}
    client = Recorder(pressure, moment, "probe")
    work = Runner(client, Catalogue(), packages=lambda _tenant: versions)
    subscription = client.subscriptions("plant")[0] | {"halted": halted}
    upgrade = {"id": 7, "version": "0.2.0", "signals": [1], "inputs": None, "try_at": moment.isoformat()}
    assert work.run_subscription("plant", subscription | {"upgrade": upgrade}, moment) is None
    (shadow,) = client.shadows
    assert (client.written, client.recorded, client.declared) == ([], [], {})
    assert (shadow.new.version, shadow.new.outcome, shadow.new.rows) == ("0.2.0", outcome, 600)
    assert shadow.current is None if halted else shadow.current is not None
    assert [(one.before, one.after) for one in shadow.differing] == differing
    assert client.asked[-1][1] == client.asked[0][1], "both up to the same moment"
    later = {**upgrade, "try_at": (moment + timedelta(seconds=1)).isoformat()}
    run = work.run_subscription("plant", subscription | {"upgrade": later}, moment)
    assert (run is None) is (halted is not None), "between its tries the running version goes on"
