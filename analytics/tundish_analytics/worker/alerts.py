"""After each scoring: what models wrote becomes alerts on the platform.

The statements are read back from the store, so that a worker that died between writing and telling, or was
away, comes to the same alerts as one that never stopped.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from tundish_analytics.alerts import Place, Watch, advance, read_statement, resumed, rule_for
from tundish_analytics.worker.windows import SECOND_US, to_us
from tundish_platform.samples import AlertReport, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tundish_analytics.alerts import AlertRule
    from tundish_analytics.predictions import Prediction
    from tundish_analytics.worker.pipeline import Pipeline

_log = structlog.get_logger(__name__)

# A worker without any alert to go on from judges this much of the past: more than any rule's memory, and
# little enough that an old installation is not flooded with alerts of last month.
_LOOKBACK: Final = timedelta(days=1)


class AlertPlatform(Protocol):
    """The part of `Client` that watching needs beside the pipelines' own."""

    def raise_alert(self, tenant: str, report: AlertReport) -> Mapping[str, Any]:
        """Tell how an alert stands."""

    def alerts(
        self, tenant: str, *, model: str | None = None, line: str | None = None, target: str | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Alerts, the newest first."""


class AlertWatch:
    """Judges each pipeline's new statements by the rules; called after each scoring.

    Args:
        client: the platform.
    """

    def __init__(self, client: AlertPlatform) -> None:
        self._client = client
        self._watches: dict[tuple[str, str, str, str], Watch] = {}
        self._told: set[tuple[str, str, str]] = set()

    def __call__(self, pipeline: Pipeline, written: int) -> None:
        """Judge what is new; nothing is read where nothing was written since all was told.

        Raises:
            ApiError: the platform does not answer or refuses; the next call tells it again.
        """
        key = (pipeline.site.tenant, pipeline.site.line, pipeline.model_id)
        if not written and key in self._told:
            return
        self._told.discard(key)
        rules = {
            item.name: (rule, Place(pipeline.site.line, item.name_zh, item.name_en))
            for item in pipeline.targets
            if (rule := rule_for(pipeline.model_id, item.name))
        }
        if rules:
            self._look(pipeline, rules)
        self._told.add(key)

    def _look(self, pipeline: Pipeline, rules: Mapping[str, tuple[AlertRule, Place]]) -> None:
        numbers = pipeline.outputs.evidence_ids()
        newest = pipeline.site.reader.latest_us([numbers[target] for target in rules])
        tenant, line = pipeline.site.tenant, pipeline.site.line
        for target, (rule, place) in rules.items():
            if numbers[target] not in newest:
                continue
            key = (tenant, line, pipeline.model_id, target)
            known = self._watches.get(key)
            if known is None or known.seen_to is None:
                known, statements = self._resume(pipeline, rule, numbers[target], newest[numbers[target]])
            else:
                statements = _statements(pipeline, numbers[target], to_us(known.seen_to))
            watch, reports = advance(rule, place, known, statements)
            for report in sorted(reports, key=lambda one: one.opened_at):
                self._client.raise_alert(tenant, report)
            self._watches[key] = watch

    def _resume(
        self, pipeline: Pipeline, rule: AlertRule, number: int, newest_us: int
    ) -> tuple[Watch, list[Prediction]]:
        """The watch as the platform last heard of it, and the statements since."""
        site = pipeline.site
        told = self._client.alerts(site.tenant, model=rule.model, line=site.line, target=rule.target)
        last = next((_report(alert) for alert in told), None)
        since = newest_us - _LOOKBACK // timedelta(microseconds=1)
        if last is not None:
            told_to = to_us(last.judged_to)
            since = max(since, told_to) if last.closed_at else told_to - round(rule.span_s * SECOND_US)
        statements = _statements(pipeline, number, since)
        return resumed(rule, last, statements), statements


def _report(alert: Mapping[str, Any]) -> AlertReport:
    return AlertReport.model_validate({name: alert[name] for name in AlertReport.model_fields})


def _statements(pipeline: Pipeline, number: int, since_us: int) -> list[Prediction]:
    """Statements whose windows ended later; an unreadable one is left out, and the log tells."""
    texts = pipeline.site.reader.read([number], since_us + 1, kind=SampleKind.TEXT).of(number)[1]
    found = []
    for text in texts.tolist():
        try:
            found.append(read_statement(text))
        except ValueError as error:
            _log.warning("statement_unreadable", model=pipeline.model_id, error=str(error)[:300])
    return found
