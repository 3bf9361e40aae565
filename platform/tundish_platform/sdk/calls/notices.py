"""Telling people of alarms: channels, escalation, contacts, and the log of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tundish_platform.sdk.calls.plant_answers import Channel, Contact, DeliveryView, Policy


class NoticeCalls(Transport):
    """Where messages about alarms go."""

    def alarm_channels(self, tenant: str) -> Iterator[Channel]:
        """Channels without their secrets, fetched page by page."""
        return self._every(of(tenant, "alarm-channels"))

    def make_alarm_channel(self, tenant: str, channel: Mapping[str, Any]) -> Channel:
        """Make a channel; its secrets are never answered."""
        made: Channel = self._post(of(tenant, "alarm-channels"), dict(channel))
        return made

    def change_alarm_channel(
        self, tenant: str, number: int, version: int, channel: Mapping[str, Any]
    ) -> Channel:
        """Put another specification, with its secrets, in place of the version that was read."""
        body = {"version": version, "channel": dict(channel)}
        changed: Channel = self._json("PUT", of(tenant, "alarm-channels", number), json=body)
        return changed

    def switch_alarm_channel(self, tenant: str, number: int, version: int, *, enabled: bool) -> Channel:
        """Switch a channel off or on."""
        body = {"version": version, "enabled": enabled}
        changed: Channel = self._json("PUT", of(tenant, "alarm-channels", number, "enabled"), json=body)
        return changed

    def try_alarm_channel(self, tenant: str, number: int) -> int:
        """Send a test message soon; returns its number in the log of messages."""
        return int(self._post(of(tenant, "alarm-channels", number, "test"))["delivery"])

    def alarm_policies(self, tenant: str) -> Iterator[Policy]:
        """Escalation policies, fetched page by page."""
        return self._every(of(tenant, "alarm-policies"))

    def make_alarm_policy(self, tenant: str, policy: Mapping[str, Any]) -> Policy:
        """Make an escalation policy."""
        made: Policy = self._post(of(tenant, "alarm-policies"), dict(policy))
        return made

    def change_alarm_policy(
        self, tenant: str, number: int, version: int, policy: Mapping[str, Any]
    ) -> Policy:
        """Change the version of a policy that was read."""
        body = {"version": version, "policy": dict(policy)}
        changed: Policy = self._json("PUT", of(tenant, "alarm-policies", number), json=body)
        return changed

    def remove_alarm_policy(self, tenant: str, number: int) -> bool:
        """Remove a policy; false if there was none."""
        return bool(self._json("DELETE", of(tenant, "alarm-policies", number))["removed"])

    def alarm_contacts(self, tenant: str, search: str = "") -> Iterator[Contact]:
        """Where people can be reached, or all whose name holds ``search``; fetched page by page."""
        return self._every(of(tenant, "alarm-contacts"), given(search=search or None))

    def set_alarm_contact(self, tenant: str, person: int, contact: Mapping[str, Any]) -> Contact:
        """Say where a person of the tenant can be reached."""
        kept: Contact = self._json("PUT", of(tenant, "alarm-contacts", person), json=dict(contact))
        return kept

    def alarm_deliveries(self, tenant: str, states: Iterable[str] = ()) -> Iterator[DeliveryView]:
        """The log of messages, newest first, fetched page by page."""
        return self._every(of(tenant, "alarm-deliveries"), given(states=",".join(states) or None))
