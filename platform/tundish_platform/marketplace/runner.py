"""Runs subscribed apps for a tenant through the HTTP API: what the worker process does each minute.

The server alone decides what an app may read: the runner asks for the app's inputs and gets what was granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import structlog

from tundish_platform.marketplace.isolation import bubblewrap
from tundish_platform.marketplace.runs import Outcome, Run
from tundish_platform.marketplace.sandbox import run_sandboxed
from tundish_platform.samples import GOOD, SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.sdk import AppInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tundish_platform.marketplace.catalogue import App, Catalogue
    from tundish_platform.marketplace.isolation import Isolation
    from tundish_platform.marketplace.sandbox import SandboxResult
    from tundish_platform.samples import SignalInfo

_COLUMNS = ["signal", "ts", "value", "status"]
_LINE_LEVELS = 3
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

    def put_signals(self, tenant: str, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        """Declare signals."""

    def ingest(self, tenant: str, batches: Sequence[SampleBatch]) -> int:
        """Write samples."""

    def post_run(self, tenant: str, run: dict[str, Any]) -> Any:  # noqa: ANN401 - the answer is not used
        """Record a run."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs what is due, one app after the other.

    Attributes:
        client: with a service token that may read, ingest and analyse.
        catalogue: where the apps are.
        isolation: as found best here when absent.
        packages: gives the packages that a tenant's subscriptions run; none without.
    """

    client: RunnerClient
    catalogue: Catalogue
    isolation: Isolation | None = None
    packages: Callable[[str], Mapping[str, App]] | None = None

    def run_due(self, tenant: str, now: datetime | None = None) -> list[Run]:
        """Run every subscription of a tenant that is due; returns the records made."""
        moment = now or datetime.now(UTC)
        done = []
        due = [one for one in self.client.subscriptions(tenant) if _due(one, moment)]
        apps = self._apps(tenant) if due else {}
        for subscription in due:
            app = apps.get(subscription["app"])
            if app is None:
                _log.warning("app_not_in_catalogue", tenant=tenant, app=subscription["app"])
            elif app.foreign and bubblewrap() is None:
                _log.error("foreign_app_without_sandbox", tenant=tenant, app=subscription["app"])
            else:
                done.append(self.run_once(tenant, app, subscription, moment))
        return done

    def _apps(self, tenant: str) -> dict[str, App]:
        packages = self.packages(tenant) if self.packages else {}
        return {**packages, **self.catalogue.apps}

    def run_once(self, tenant: str, app: App, subscription: Mapping[str, Any], now: datetime) -> Run:
        """Read the window, run the app in the sandbox, write its outputs, record the run."""
        inputs = self._read(tenant, app, subscription, now)
        result = run_sandboxed(app, inputs, self.isolation)
        written = 0
        if result.outputs is not None and result.outputs.values:
            written = self._write(tenant, app, inputs, result)
        run = _record(app, inputs, result, now, written)
        self.client.post_run(tenant, run.model_dump(mode="json"))
        return run

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
        return AppInputs(app.manifest, start, end, signals, tables, subscription["parameters"])

    def _write(self, tenant: str, app: App, inputs: AppInputs, result: SandboxResult) -> int:
        specs = output_specs(app, inputs.signals)
        source = f"app:{app.manifest.id}"
        ids = self.client.put_signals(tenant, source, list(specs.values()))
        numbers = {key: ids[spec.path] for key, spec in specs.items()}
        return self.client.ingest(tenant, _batches(specs, numbers, result))


def output_specs(app: App, granted: Sequence[SignalInfo]) -> dict[str, SignalSpec]:
    """The signals an app writes, by output key: below the line its inputs share, else below ``Apps``."""
    manifest = app.manifest
    lines = {"/".join(s.path.split("/")[:_LINE_LEVELS]) for s in granted}
    base = f"{next(iter(lines))}/Apps" if len(lines) == 1 else "Apps"
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
    values = result.outputs.values if result.outputs else ()
    arrival = datetime.now(UTC)
    batches = []
    for kind in (SampleKind.NUMERIC, SampleKind.TEXT):
        kept = [value for value in values if specs[value.output].kind is kind]
        columns = [
            [numbers[v.output] for v in kept],
            [v.ts for v in kept],
            [v.value for v in kept],
            [GOOD if v.value is not None else _BAD_NO_DATA for v in kept],
        ]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMAS[kind], strict=True)]
        if kept:
            batches.append(SampleBatch(kind, pa.table(arrays, schema=SCHEMAS[kind]), arrival))
    return batches


# Bad_NoData of OPC 10000-4: the app looked and could not tell.
_BAD_NO_DATA = 0x809B0000


def _record(app: App, inputs: AppInputs, result: SandboxResult, now: datetime, written: int) -> Run:
    missing = ", ".join(result.outputs.missing) if result.outputs else ""
    zh, en = _SAID[result.outcome]
    detail = missing or result.detail
    accepted = result.outputs is not None
    return Run(
        app=app.manifest.id,
        version=app.manifest.version,
        started_at=now,
        window_start=inputs.start,
        window_end=inputs.end,
        seconds=result.seconds,
        rows_in=sum(table.num_rows for table in inputs.tables.values()),
        values_out=written,
        isolation=result.isolation,
        filtered=result.filtered,
        outcome=result.outcome,
        message_zh=zh.format(detail=detail)[:2_000],
        message_en=en.format(detail=detail)[:2_000],
        screen=result.outputs.screen if accepted and result.outputs else None,
    )


def _due(subscription: Mapping[str, Any], now: datetime) -> bool:
    last = subscription["last_run_at"]
    return last is None or now - _instant(last) >= timedelta(seconds=subscription["schedule_s"])


def _instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
