"""Predictive alerts: what models foresee, what people found, and how good the alerts were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tundish_platform.samples import AlertReport
    from tundish_platform.sdk.calls.alert_answers import AlertDetail, AlertView, FeedbackView, Outcomes

Verdict = Literal["confirmed", "false", "unclear"]


class AlertCalls(Transport):
    """Alerts, feedback and outcomes."""

    def raise_alert(self, tenant: str, report: AlertReport) -> AlertView:
        """Tell how an alert stands, at least once and in any order; returns how it stands on the platform."""
        # Its names are key enough: the platform need not keep the answer to know it again.
        body = report.model_dump(mode="json")
        stands: AlertView = self._json("POST", of(tenant, "alerts"), json=body)
        return stands

    def alerts(
        self, tenant: str, *, open_only: bool = False, model: str | None = None, line: str | None = None,
        target: str | None = None, start: datetime | None = None, end: datetime | None = None,
    ) -> Iterator[AlertView]:  # fmt: skip
        """Alerts that were open at some time of the window, newest first, fetched page by page."""
        asked = given(open="yes" if open_only else None, model=model, line=line, target=target)
        return self._every(of(tenant, "alerts"), asked | _window(start, end))

    def alert(self, tenant: str, number: int) -> AlertDetail:
        """One alert with all that was said of it."""
        found: AlertDetail = self._json("GET", of(tenant, "alerts", number))
        return found

    def give_feedback(
        self, tenant: str, alert: int, verdict: Verdict, note: str = "", *,
        found_at: datetime | None = None, avoided_cost: float | None = None,
    ) -> FeedbackView:  # fmt: skip
        """Say what was found where an alert sent somebody; a cost is in CNY."""
        body: dict[str, Any] = {"verdict": verdict, "note": note, "avoided_cost": avoided_cost}
        body |= {} if found_at is None else {"found_at": found_at.isoformat()}
        said: FeedbackView = self._post(of(tenant, "alerts", alert, "feedback"), body)
        return said

    def alert_outcomes(
        self, tenant: str, model: str | None = None, line: str | None = None,
        start: datetime | None = None, end: datetime | None = None,
    ) -> Outcomes:  # fmt: skip
        """How the alerts that opened in the window turned out, by model and version."""
        asked = given(model=model, line=line) | _window(start, end)
        found: Outcomes = self._json("GET", of(tenant, "alerts", "outcomes"), params=asked)
        return found


def _window(start: datetime | None, end: datetime | None) -> dict[str, str]:
    ends = {"start": start, "end": end}
    return given(**{name: at.isoformat() for name, at in ends.items() if at is not None})
