"""Runs subscribed apps for a tenant through the HTTP API: what the worker process does each minute.

The server alone decides what an app may read: the runner asks for the app's inputs and gets what was granted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from tundish_platform.marketplace.boundary import inputs_of
from tundish_platform.marketplace.crying import base_of, cries, flagged, model_of, silenced
from tundish_platform.marketplace.faults import Fault, fault_of
from tundish_platform.marketplace.isolation import best_isolation, bubblewrap
from tundish_platform.marketplace.outcomes import Outcome
from tundish_platform.marketplace.runs import Run
from tundish_platform.marketplace.sandbox import SandboxResult, run_sandboxed
from tundish_platform.marketplace.upgrades.comparing import shadow_of
from tundish_platform.samples import GOOD, SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk import AppInputs, RecordKind
from tundish_platform.sdk.transport import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tundish_platform.marketplace.catalogue import App, Catalogue
    from tundish_platform.marketplace.forks import ForkServer
    from tundish_platform.marketplace.isolation import Isolation
    from tundish_platform.samples import AlertReport, SignalInfo
    from tundish_platform.sdk import AppOutputs, OutputColumn

# Whose signals were declared: tenant, app, and how.
_Declared = tuple[str, str, tuple[SignalSpec, ...]]
LEASE_S: Final = 60.0
_COLUMNS = ["signal", "ts", "value", "status"]
_log = structlog.get_logger(__name__)

_SAID = {
    Outcome.OK: ("运行正常。", "The run went well."),
    Outcome.MISSING_INPUT: (
        "缺少所需的输入信号:{detail}。应用没有猜测;接入这些信号后会自动恢复。",
        "Needed input signals are missing: {detail}. The app did not guess; it resumes once they are there.",
    ),
    Outcome.FAILED: (
        "应用运行出错,未写入任何结果。请联系应用发布者。详情:{detail}",
        "The app failed and nothing was written. Contact its publisher. Details: {detail}",
    ),
    Outcome.TIMEOUT: (
        "应用超时,已被终止,未写入任何结果。详情:{detail}",
        "The app took too long and was ended; nothing was written. Details: {detail}",
    ),
    Outcome.REFUSED: (
        "应用交回的结果与其清单不符,已拒收。请联系应用发布者。详情:{detail}",
        "What the app handed back does not fit its manifest and was refused. Contact its publisher. {detail}",
    ),
    Outcome.UNREACHED: (
        "平台多次未能启动该应用,与应用本身无关;下次到期时会再试。{detail}",
        "The platform could not start the app; that is not the app's fault. It is tried again. {detail}",
    ),
}


class RunnerClient(Protocol):
    """What the runner needs of `tundish_platform.sdk.client.Client`."""

    def signals(self, tenant: str) -> list[SignalInfo]:
        """All signals of a tenant."""

    def latest(self, tenant: str) -> Sequence[Mapping[str, Any]]:
        """Newest sample of each signal."""

    def subscriptions(self, tenant: str) -> Sequence[Mapping[str, Any]]:
        """The tenant's active subscriptions."""

    def app_inputs(self, tenant: str, app: str, start: datetime, end: datetime, kind: SampleKind) -> pa.Table:
        """Samples of the granted signals of one kind."""

    def app_records(self, tenant: str, app: str, kind: str) -> pa.Table:
        """Records of one granted kind."""

    def post_documents(self, tenant: str, app: str, documents: Sequence[Mapping[str, Any]]) -> Sequence[int]:
        """Hand documents over to be sealed."""

    def give_figures(self, tenant: str, app: str, figures: Mapping[str, float], size: str = "") -> Any:  # noqa: ANN401 - the answer is not used
        """Give figures to the comparison of peers."""

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals."""

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        """Write samples."""

    def alerts(self, tenant: str, *, open_only: bool = False, model: str | None = None) -> Iterable[Any]:
        """Alerts, of one model or of all."""

    def raise_alert(self, tenant: str, report: AlertReport) -> Any:  # noqa: ANN401 - the answer is not used
        """Tell how an alert stands."""

    def upgrade_inputs(
        self, tenant: str, number: int, start: datetime, end: datetime, kind: SampleKind
    ) -> pa.Table:
        """Samples that the new version of an upgrade is to read."""

    def begin_patches(self, tenant: str) -> Any:  # noqa: ANN401 - the answer is not used
        """Begin the upgrades to patches that subscriptions follow."""

    def post_shadow(self, tenant: str, number: int, shadow: dict[str, Any]) -> Any:  # noqa: ANN401 - the answer is not used
        """Hand back what came of a shadow run."""

    def claim_run(
        self, tenant: str, app: str, holder: str, seconds: float, last_run_at: str | None = None
    ) -> Any:  # noqa: ANN401 - the answer is not used
        """Claim a run."""

    def post_run(self, tenant: str, run: dict[str, Any]) -> Any:  # noqa: ANN401 - the answer is not used
        """Record a run."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs subscribed apps; may be used from several threads.

    Attributes:
        client: with a service token that may read, ingest and analyse.
        catalogue: where the apps are.
        isolation: as found best here when absent.
        packages: gives the packages that a tenant's subscriptions run, by id and version; none without.
        forks: starts the sandboxes; each is started on its own without.
        holder: under which name runs are claimed, where other processes run apps too; empty to claim none.
        lease_s: seconds that a run is held beside those that its app may take.
    """

    client: RunnerClient
    catalogue: Catalogue
    isolation: Isolation | None = None
    packages: Callable[[str], Mapping[tuple[str, str], App]] | None = None
    forks: ForkServer | None = None
    holder: str = ""
    lease_s: float = LEASE_S
    _declared: dict[_Declared, dict[str, int]] = field(default_factory=dict)
    _standing: dict[tuple[str, str], bool] = field(default_factory=dict)

    def run_due(self, tenant: str, now: datetime | None = None) -> list[Run]:
        """Run every subscription of a tenant that is due, one after the other; returns the records made."""
        moment = now or datetime.now(UTC)
        runs = [self.run_subscription(tenant, one, moment) for one, _ in self.due(tenant, moment)]
        return [run for run in runs if run is not None]

    def follow(self, tenant: str) -> None:
        """Have patches begin that the tenant's subscriptions follow."""
        self.client.begin_patches(tenant)

    def due(self, tenant: str, now: datetime) -> list[tuple[Mapping[str, Any], datetime]]:
        """The tenant's subscriptions that should run, each with the moment since when."""
        found = ((one, _due_at(one, now)) for one in self.client.subscriptions(tenant))
        return [(one, at) for one, at in found if at is not None]

    def run_subscription(self, tenant: str, subscription: Mapping[str, Any], now: datetime) -> Run | None:
        """Run a subscription's app; None where there is nothing that may run.

        Raises:
            SandboxFailed: the app was not reached.
        """
        app = self._app(tenant, subscription["app"], subscription["version"])
        if app is None:
            _log.warning("app_not_in_catalogue", tenant=tenant, app=subscription["app"])
            return None
        if app.foreign and bubblewrap() is None:
            _log.error("foreign_app_without_sandbox", tenant=tenant, app=subscription["app"])
            return None
        trying = tries_now(subscription, now)
        if not trying and is_halted(subscription, app.manifest.version):
            return None
        if not self._claimed(tenant, app, subscription):
            return None
        if trying:
            self._try_upgrade(tenant, app, subscription, now)
            return None
        return self.run_once(tenant, app, subscription, now)

    def _claimed(self, tenant: str, app: App, subscription: Mapping[str, Any]) -> bool:
        """Whether the run is ours."""
        if not self.holder:
            return True
        # A shadow run takes the app's time twice.
        seconds = self.lease_s + 2 * app.manifest.resources.seconds
        try:
            self.client.claim_run(tenant, app.manifest.id, self.holder, seconds, subscription["last_run_at"])
        except ApiError as error:
            if error.code != "run_claimed":
                raise
            return False
        return True

    def _app(self, tenant: str, app_id: str, version: str) -> App | None:
        """The version that a subscription names; of the platform's own apps the one that there is."""
        own = self.catalogue.apps.get(app_id)
        return own or (self.packages(tenant).get((app_id, version)) if self.packages else None)

    def _try_upgrade(self, tenant: str, app: App, subscription: Mapping[str, Any], now: datetime) -> None:
        """Run both versions over the same data, write nothing, and hand back how they compare."""
        upgrade = subscription["upgrade"]
        new = self._app(tenant, subscription["app"], upgrade["version"])
        if new is None:
            _log.warning("app_not_in_catalogue", tenant=tenant, app=subscription["app"])
            return
        inputs = self._read(tenant, app, subscription, now)
        stands = is_halted(subscription, app.manifest.version)
        before = None if stands else self._sandboxed(app, inputs)
        given = self._read_new(tenant, new, subscription, inputs)
        after = self._sandboxed(new, given)
        shadow = shadow_of((app, inputs, before), (new, given, after))
        self.client.post_shadow(tenant, upgrade["id"], shadow.model_dump(mode="json"))

    def _sandboxed(self, app: App, inputs: AppInputs) -> SandboxResult:
        return run_sandboxed(app, inputs, self.isolation, self.forks)

    def run_once(self, tenant: str, app: App, subscription: Mapping[str, Any], now: datetime) -> Run:
        """Read the window, run the app in the sandbox, write its outputs, record the run."""
        inputs = self._read(tenant, app, subscription, now)
        result = self._sandboxed(app, inputs)
        written = 0
        if result.outputs is not None and result.outputs.count:
            written = self._write(tenant, app, inputs, result)
        if result.outputs is not None:
            self._hand_over(tenant, app, inputs, result.outputs)
            self._cry(tenant, app, inputs, result.outputs)
        run = _record(app, inputs, result, now, written)
        self._post(tenant, run)
        return run

    def _post(self, tenant: str, run: Run) -> None:
        held = {"holder": self.holder} if self.holder else {}
        self.client.post_run(tenant, run.model_dump(mode="json") | held)

    def record_unreached(self, tenant: str, subscription: Mapping[str, Any], now: datetime) -> None:
        """Record that the app was due and could not be reached; it is tried again when it is due again."""
        app = self._app(tenant, subscription["app"], subscription["version"])
        if app is None or tries_now(subscription, now):
            return
        nothing = AppInputs(app.manifest, now, now, ())
        isolation, filtered = best_isolation()
        result = SandboxResult(Outcome.UNREACHED, None, 0.0, isolation, filtered)
        self._post(tenant, _record(app, nothing, result, now, 0))

    def _read(self, tenant: str, app: App, subscription: Mapping[str, Any], now: datetime) -> AppInputs:
        granted = frozenset(subscription["signals"])
        signals = tuple(s for s in self.client.signals(tenant) if s.id in granted)
        newest = [_instant(row["ts"]) for row in self.client.latest(tenant) if row["signal"] in granted]
        # The window ends just behind the newest sample, because windows do not contain their end.
        end = max(newest, default=now) + timedelta(microseconds=1)
        start = end - timedelta(seconds=subscription["window_s"])
        app_id = app.manifest.id
        tables = {
            kind: self.client.app_inputs(tenant, app_id, start, end, kind).select(_COLUMNS)
            for kind in sorted({s.kind for s in signals})
        }
        settings, mapping = subscription["parameters"], subscription.get("inputs")
        inputs = inputs_of(app.manifest, (start, end), signals, tables, settings, mapping)
        agreed = set(subscription.get("records", ())) & {wish.kind.value for wish in app.manifest.records}
        records = {RecordKind(kind): self.client.app_records(tenant, app_id, kind) for kind in sorted(agreed)}
        return replace(inputs, records=records) if records else inputs

    def _read_new(
        self, tenant: str, new: App, subscription: Mapping[str, Any], beside: AppInputs
    ) -> AppInputs:
        """What the new version is given: up to the same moment, what it would read once it took over."""
        upgrade = subscription["upgrade"]
        wanted = frozenset(upgrade["signals"])
        signals = tuple(s for s in self.client.signals(tenant) if s.id in wanted)
        start = beside.end - timedelta(seconds=new.manifest.window_s)
        tables = {
            kind: self.client.upgrade_inputs(tenant, upgrade["id"], start, beside.end, kind).select(_COLUMNS)
            for kind in sorted({s.kind for s in signals})
        }
        given = upgrade["inputs"]
        mapping = None if given is None else {key: tuple(some) for key, some in given.items()}
        settings = new.manifest.carried(subscription["parameters"])
        inputs = inputs_of(new.manifest, (start, beside.end), signals, tables, settings, mapping)
        asked = {wish.kind for wish in new.manifest.records}
        return replace(inputs, records={k: rows for k, rows in beside.records.items() if k in asked})

    def _hand_over(self, tenant: str, app: App, inputs: AppInputs, outputs: AppOutputs) -> None:
        """Documents to be sealed, and figures for the comparison where peers were agreed to."""
        app_id = app.manifest.id
        if outputs.documents:
            made = [document.model_dump(mode="json") for document in outputs.documents]
            self.client.post_documents(tenant, app_id, made)
        if RecordKind.PEERS in inputs.records:
            values = {key: column.value[-1].as_py() for key, column in outputs.told().items()}
            figures = {key: value for key, value in values.items() if isinstance(value, float)}
            self.client.give_figures(tenant, app_id, figures, str(values.get("size") or ""))

    def _cry(self, tenant: str, app: App, inputs: AppInputs, outputs: AppOutputs) -> None:
        """Tell which alerts stand after the run, and which no longer do."""
        manifest = app.manifest
        if not any(output.flags for output in manifest.outputs):
            return
        fresh = inputs.end - timedelta(seconds=manifest.schedule_s)
        stands = cries(app, inputs, flagged(app, outputs, fresh))
        key = tenant, manifest.id
        try:
            # Where nothing stood open after the run before, nobody need be asked.
            before = []
            if self._standing.get(key, True):
                before = list(self.client.alerts(tenant, open_only=True, model=model_of(manifest.id)))
            over = silenced(app, outputs, before, stands, inputs.end)
            for report in (*over, *stands):
                self.client.raise_alert(tenant, report)
            self._standing[key] = bool(stands) or len(over) < len(before)
        except ApiError as error:
            # The values are stored and the run is to be recorded; the next run tells how the alerts stand.
            self._standing.pop(key, None)
            _log.warning("app_alerts_not_told", tenant=tenant, app=manifest.id, reason=str(error))

    def _write(self, tenant: str, app: App, inputs: AppInputs, result: SandboxResult) -> int:
        specs = output_specs(app, inputs.signals)
        declared = tenant, app.manifest.id, tuple(specs.values())
        ids = self._declared.get(declared)
        if ids is None:
            ids = self.client.put_signals(tenant, f"app:{app.manifest.id}", list(specs.values()))
            self._declared[declared] = ids
        numbers = {key: ids[spec.path] for key, spec in specs.items()}
        try:
            return self.client.ingest(tenant, _batches(specs, numbers, result))
        except ApiError:
            # Somebody may have removed them: they are declared anew next time.
            self._declared.pop(declared, None)
            raise


def output_specs(app: App, granted: Sequence[SignalInfo]) -> dict[str, SignalSpec]:
    """The signals an app writes, by output key: below the line its inputs share, else below ``Apps``."""
    manifest = app.manifest
    base = base_of(granted)
    return {
        output.key: SignalSpec(
            path=f"{base}/{manifest.id}/{output.key}",
            name_zh=f"{manifest.name.zh}:{output.name.zh}",
            name_en=f"{manifest.name.en}: {output.name.en}",
            semantic=f"app.{manifest.id}.{output.key}",
            kind=output.kind,
            role=SignalRole.OUTPUT,
            unit=output.unit,
            step=True,
        )
        for output in manifest.outputs
    }


def _batches(
    specs: Mapping[str, SignalSpec], numbers: Mapping[str, int], result: SandboxResult
) -> list[SampleBatch]:
    told = result.outputs.told() if result.outputs else {}
    arrival = datetime.now(UTC)
    batches = []
    for kind in (SampleKind.NUMERIC, SampleKind.TEXT):
        tables = [
            _rows(kind, numbers[key], column) for key, column in told.items() if specs[key].kind is kind
        ]
        if tables:
            batches.append(SampleBatch(kind, pa.concat_tables(tables).combine_chunks(), arrival))
    return batches


def _rows(kind: SampleKind, number: int, column: OutputColumn) -> pa.Table:
    schema, rows = SCHEMAS[kind], len(column)
    columns = [
        pa.repeat(pa.scalar(number, pa.uint32()), rows),
        column.ts,
        # Where an app could tell nothing at all, its column does not say of which kind it is.
        column.value.cast(schema.field("value").type),
        pc.if_else(column.value.is_valid(), _GOOD, _NO_DATA),
    ]
    return pa.table(columns, schema=schema)


# Bad_NoData of OPC 10000-4: the app looked and could not tell.
_NO_DATA = pa.scalar(0x809B0000, pa.uint32())
_GOOD = pa.scalar(GOOD, pa.uint32())


def _record(app: App, inputs: AppInputs, result: SandboxResult, now: datetime, written: int) -> Run:
    missing = ", ".join(result.outputs.missing) if result.outputs else ""
    zh, en = _SAID[result.outcome]
    detail = missing or result.detail
    accepted = result.outputs is not None
    fault = fault_of(app, result.detail) if result.outcome is Outcome.FAILED else Fault()
    return Run(
        app=app.manifest.id,
        version=app.manifest.version,
        started_at=now,
        window_start=inputs.start,
        window_end=inputs.end,
        seconds=result.seconds,
        rows_in=sum(t.num_rows for t in (*inputs.tables.values(), *inputs.records.values())),
        values_out=written,
        isolation=result.isolation,
        filtered=result.filtered,
        outcome=result.outcome,
        message_zh=zh.format(detail=detail)[:2_000],
        message_en=en.format(detail=detail)[:2_000],
        screen=result.outputs.screen if accepted and result.outputs else None,
        cpu_s=result.cpu_s,
        memory_mb=result.memory_mb,
        error_type=fault.kind,
        error_place=fault.place,
    )


def tries_now(subscription: Mapping[str, Any], now: datetime) -> bool:
    """Whether a newer version is to try itself beside the running one."""
    upgrade = subscription.get("upgrade")
    return upgrade is not None and _instant(upgrade["try_at"]) <= now


def is_halted(subscription: Mapping[str, Any], version: str) -> bool:
    """Whether the marketplace stopped this version because it failed again and again."""
    halted = subscription.get("halted")
    return halted is not None and halted["version"] == version


def _due_at(subscription: Mapping[str, Any], now: datetime) -> datetime | None:
    last = subscription["last_run_at"]
    if subscription.get("paused_at") is not None:
        return None
    if tries_now(subscription, now):
        return _instant(subscription["upgrade"]["try_at"])
    due = now if last is None else _instant(last) + timedelta(seconds=subscription["schedule_s"])
    return due if due <= now else None


def _instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
