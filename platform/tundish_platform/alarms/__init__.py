"""Alarms after ISA-18.2: what sources and rules raise, what people do with them, and what happened when."""

from tundish_platform.alarms.floods import Flood
from tundish_platform.alarms.handling import (
    LONGEST_SHELF,
    HandlingRefused,
    UnknownAlarm,
    handle,
    owed_acknowledgements,
    settle_acknowledgement,
)
from tundish_platform.alarms.listing import (
    MAX_PAGE,
    AlarmView,
    EventView,
    alarms_of,
    count_standing,
    list_alarms,
    list_events,
    list_floods,
    view_of,
)
from tundish_platform.alarms.reports import MAX_REPORTS, AlarmQuotaReached, Taken, take_reports
from tundish_platform.alarms.rules import (
    Rule,
    RuleChanged,
    RuleRefused,
    RuleSpec,
    UnknownRule,
    change_rule,
    create_rule,
    delete_rule,
    find_rule,
    list_rules,
)
from tundish_platform.alarms.states import ANNUNCIATED, AlarmState, Transition, TransitionRefused
from tundish_platform.alarms.watcher import AlarmWatcher
from tundish_platform.alarms.watching import RULES, watch_tenant

__all__ = [
    "ANNUNCIATED",
    "LONGEST_SHELF",
    "MAX_PAGE",
    "MAX_REPORTS",
    "RULES",
    "AlarmQuotaReached",
    "AlarmState",
    "AlarmView",
    "AlarmWatcher",
    "EventView",
    "Flood",
    "HandlingRefused",
    "Rule",
    "RuleChanged",
    "RuleRefused",
    "RuleSpec",
    "Taken",
    "Transition",
    "TransitionRefused",
    "UnknownAlarm",
    "UnknownRule",
    "alarms_of",
    "change_rule",
    "count_standing",
    "create_rule",
    "delete_rule",
    "find_rule",
    "handle",
    "list_alarms",
    "list_events",
    "list_floods",
    "list_rules",
    "owed_acknowledgements",
    "settle_acknowledgement",
    "take_reports",
    "view_of",
    "watch_tenant",
]
