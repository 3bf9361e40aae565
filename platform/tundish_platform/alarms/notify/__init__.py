"""Telling people of alarms: channels, escalation, and every message until it is sent or given up."""

from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.alarms.notify.channels import (
    SPEC,
    Channel,
    ChannelChanged,
    ChannelKind,
    ChannelRefused,
    ChannelSpec,
    UnknownChannel,
    change_channel,
    create_channel,
    enable_channel,
    list_channels,
)
from tundish_platform.alarms.notify.contacts import (
    Contact,
    ContactSpec,
    UnknownPerson,
    find_contact,
    list_contacts,
    set_contact,
)
from tundish_platform.alarms.notify.log import DeliveryView, list_deliveries
from tundish_platform.alarms.notify.notifier import Notifier
from tundish_platform.alarms.notify.outbox import DeliveryKind, DeliveryState, put_trial
from tundish_platform.alarms.notify.policies import (
    Policy,
    PolicyChanged,
    PolicySpec,
    UnknownPolicy,
    change_policy,
    create_policy,
    delete_policy,
    list_policies,
)
from tundish_platform.alarms.notify.vault import KeyLost, Vault

__all__ = [
    "SPEC",
    "Allowed",
    "Channel",
    "ChannelChanged",
    "ChannelKind",
    "ChannelRefused",
    "ChannelSpec",
    "Contact",
    "ContactSpec",
    "DeliveryKind",
    "DeliveryState",
    "DeliveryView",
    "KeyLost",
    "Notifier",
    "Policy",
    "PolicyChanged",
    "PolicySpec",
    "UnknownChannel",
    "UnknownPerson",
    "UnknownPolicy",
    "Vault",
    "change_channel",
    "change_policy",
    "create_channel",
    "create_policy",
    "delete_policy",
    "enable_channel",
    "find_contact",
    "list_channels",
    "list_contacts",
    "list_deliveries",
    "list_policies",
    "put_trial",
    "set_contact",
]
