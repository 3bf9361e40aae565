"""What the alerts' page reads: alerts that are open or were, and how the last year's turned out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tundish_platform.alerts import AlertView, Outcomes, list_alerts, outcomes_of

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import TenantView

# More than a shift walks to; the newest come first, and a line says that there are more.
ALERTS_SHOWN: Final = 50
CHOICES: Final = ("open", "all")
OUTCOMES_OF: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Alerts:
    """A plant's alerts at one moment.

    Attributes:
        shown: of the chosen kind; the open ones gravest first, all others newest first.
        more: whether there are more than are shown.
        outcomes: of the alerts that opened within `OUTCOMES_OF`.
    """

    now: datetime
    shown: tuple[AlertView, ...]
    more: bool
    outcomes: Outcomes


def read_alerts(view: TenantView, choice: str) -> Alerts:
    """The plant's alerts now; ``choice`` is one of `CHOICES`."""
    now = datetime.now(UTC)
    only = choice == "open"
    with view.context.metadata.session() as session:
        found = list_alerts(session, view.scope, open_only=only, limit=ALERTS_SHOWN + 1)
        outcomes = outcomes_of(session, view.scope, start=now - OUTCOMES_OF)
    shown = found[:ALERTS_SHOWN]
    if only:
        shown.sort(key=lambda alert: -alert.priority)
    return Alerts(now, tuple(shown), len(found) > ALERTS_SHOWN, outcomes)


def digest(view: TenantView, alerts: Alerts, choice: str) -> str:
    """What the browser has, in short; a page that shows nothing new is not sent again."""
    rows = (
        f"{alert.id}:{alert.changed_at.timestamp()}:{alert.feedback.id if alert.feedback else 0}"
        for alert in alerts.shown
    )
    total = alerts.outcomes.total
    return f"{view.scope.slug} {choice} {total.alerts} {total.answered} {' '.join(rows)}"
