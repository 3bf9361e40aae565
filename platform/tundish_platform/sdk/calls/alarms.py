"""Alarms: what stands, what people and sources do with them, and the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tundish_platform.samples import AlarmReport
    from tundish_platform.sdk.calls.plant_answers import (
        AlarmView,
        EventView,
        Flood,
        MaintenanceRecord,
        Owed,
        Rule,
        Taken,
        Window,
    )


class AlarmCalls(Transport):
    """Alarms, rules and maintenance."""

    def alarms(self, tenant: str, states: Iterable[str] = ()) -> Iterator[AlarmView]:
        """Alarms in some states, those that stand by default, fetched page by page."""
        return self._every(of(tenant, "alarms"), given(states=",".join(states) or None))

    def alarm_events(self, tenant: str, alarm: int | None = None) -> Iterator[EventView]:
        """What happened to one alarm or to all, newest first, fetched page by page."""
        return self._every(of(tenant, "alarms", "events"), given(alarm=alarm))

    def alarm_floods(self, tenant: str, hours: int = 24) -> list[Flood]:
        """Floods of the last hours, at most a week."""
        return self._list(of(tenant, "alarms", "floods"), given(hours=hours))

    def handle_alarm(
        self, tenant: str, alarm: int, transition: str, comment: str = "", until: datetime | None = None
    ) -> AlarmView:
        """Acknowledge, shelve, suppress, take out of service, or undo it; returns how the alarm stands."""
        body = {"transition": transition, "comment": comment}
        body |= {} if until is None else {"until": until.isoformat()}
        stands: AlarmView = self._post(of(tenant, "alarms", alarm), body)
        return stands

    def report_alarms(self, tenant: str, source: str, alarms: Sequence[AlarmReport]) -> Taken:
        """Tell of a source's alarms, at least once and in any order."""
        body = {"alarms": [one.model_dump(mode="json") for one in alarms]}
        taken: Taken = self._json("PUT", of(tenant, "sources", source, "alarms"), json=body)
        return taken

    def owed_acknowledgements(self, tenant: str, source: str) -> Iterator[Owed]:
        """What people acknowledged and the source has not been told, fetched page by page."""
        return self._every(of(tenant, "sources", source, "acknowledgements"))

    def settle_acknowledgement(self, tenant: str, source: str, alarm: int) -> bool:
        """The source was told; false if there was nothing to tell it."""
        return bool(self._json("DELETE", of(tenant, "sources", source, "acknowledgements", alarm))["settled"])

    def alarm_rules(self, tenant: str) -> Iterator[Rule]:
        """The tenant's alarm rules, fetched page by page."""
        return self._every(of(tenant, "alarm-rules"))

    def alarm_rule(self, tenant: str, number: int) -> Rule:
        """One rule."""
        found: Rule = self._json("GET", of(tenant, "alarm-rules", number))
        return found

    def make_alarm_rule(self, tenant: str, rule: Mapping[str, Any]) -> Rule:
        """Make an alarm rule; the answer has its ``id`` and ``version``."""
        made: Rule = self._post(of(tenant, "alarm-rules"), dict(rule))
        return made

    def change_alarm_rule(self, tenant: str, number: int, version: int, rule: Mapping[str, Any]) -> Rule:
        """Change the version of a rule that was read; 412 if somebody else changed it meanwhile."""
        changed: Rule = self._json(
            "PUT", of(tenant, "alarm-rules", number), json={"rule": dict(rule)}, headers=_match(version)
        )
        return changed

    def remove_alarm_rule(self, tenant: str, number: int, version: int | None = None) -> bool:
        """Remove a rule, if a version is given in that one only; false if there was none."""
        headers = {} if version is None else _match(version)
        return bool(self._json("DELETE", of(tenant, "alarm-rules", number), headers=headers)["removed"])

    def maintenance(self, tenant: str) -> Iterator[Window]:
        """Windows in which a machine's alarms are suppressed, newest first, fetched page by page."""
        return self._every(of(tenant, "maintenance"))

    def plan_maintenance(
        self, tenant: str, path: str, starts: datetime, ends: datetime, reason: str
    ) -> Window:
        """Plan a window for all that lies below a path."""
        body = {"path": path, "starts_at": starts.isoformat(), "ends_at": ends.isoformat(), "reason": reason}
        planned: Window = self._post(of(tenant, "maintenance"), body)
        return planned

    def end_maintenance(self, tenant: str, number: int) -> Window:
        """End a window now."""
        ended: Window = self._post(of(tenant, "maintenance", number, "end"))
        return ended

    def maintenance_records(self, tenant: str, path: str | None = None) -> Iterator[MaintenanceRecord]:
        """What was done on machines, at a node and below it or everywhere, the record noted last first."""
        return self._every(of(tenant, "maintenance-records"), given(path=path))

    def note_maintenance(
        self,
        tenant: str,
        path: str,
        kind: str,
        text: str,
        started: datetime,
        ended: datetime | None = None,
        *,
        done_by: str = "",
    ) -> MaintenanceRecord:
        """Note what was done, from when to when; by the caller where ``done_by`` is empty."""
        body = {"path": path, "kind": kind, "text": text, "started_at": started.isoformat()}
        body |= {} if ended is None else {"ended_at": ended.isoformat()}
        kept: MaintenanceRecord = self._post(
            of(tenant, "maintenance-records"), body | ({"done_by": done_by} if done_by else {})
        )
        return kept

    def remove_maintenance_record(self, tenant: str, number: int) -> None:
        """Take a wrong record away."""
        self._send("DELETE", of(tenant, "maintenance-records", number))


def _match(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}
