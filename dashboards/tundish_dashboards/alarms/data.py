"""What the alarms' page reads: alarms that stand or are hidden, floods, and the newest events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tundish_platform.alarms import (
    ANNUNCIATED,
    AlarmState,
    AlarmView,
    EventView,
    Flood,
    alarms_of,
    list_alarms,
    list_events,
    list_floods,
)
from tundish_platform.alarms.states import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_dashboards.callbacks import TenantView

EVENTS_SHOWN: Final = 20
TIMELINE_SHOWN: Final = 200
# More than a person reads; the worst come first, and a line says how many there are.
ALARMS_SHOWN: Final = 200
CHOICES: Final = ("standing", "hidden")


@dataclass(frozen=True, slots=True)
class Alarms:
    """A plant's alarms at one moment.

    Attributes:
        counts: alarms by state, of all that stand or are hidden.
        shown: of the chosen kind, the worst first.
        more: how many of the chosen kind are not among them.
        flood: the one that goes on, if any.
        events: the newest, newest first.
        names: the alarms of the events, by number.
    """

    now: datetime
    counts: Mapping[AlarmState, int]
    shown: tuple[AlarmView, ...]
    more: int
    flood: Flood | None
    events: tuple[EventView, ...]
    names: Mapping[int, AlarmView]


def read_alarms(view: TenantView, choice: str) -> Alarms:
    """The plant's alarms now; ``choice`` is one of `CHOICES`."""
    now = datetime.now(UTC)
    with view.context.metadata.session() as session:
        found = list_alarms(session, view.scope, now, states=ANNUNCIATED | HIDDEN)
        floods = list_floods(session, view.scope, now - timedelta(minutes=20), now)
        events = tuple(list_events(session, view.scope, limit=EVENTS_SHOWN))
        names = alarms_of(session, view.scope, {event.alarm for event in events}, now)
    wanted = ANNUNCIATED if choice == "standing" else HIDDEN
    chosen = sorted((alarm for alarm in found if alarm.state in wanted), key=_worst_first)
    return Alarms(
        now=now,
        counts={state: sum(alarm.state is state for alarm in found) for state in ANNUNCIATED | HIDDEN},
        shown=tuple(chosen[:ALARMS_SHOWN]),
        more=max(len(chosen) - ALARMS_SHOWN, 0),
        flood=next((flood for flood in reversed(floods) if flood.end > now), None),
        events=events,
        names=names,
    )


def _worst_first(alarm: AlarmView) -> tuple[bool, int, float, int]:
    since = alarm.raised_ts.timestamp() if alarm.raised_ts else 0.0
    return alarm.acknowledged, -alarm.priority, -since, alarm.id
