"""Shift hand-over: plans of shifts, reports in editions, notes between shifts, and reports by mail.

What a report says is made by `tundish_analytics.handover` and kept here as `HandoverFacts`.
"""

from tundish_platform.handover.editions import (
    Edition,
    EditionView,
    find_edition,
    list_editions,
    newest_edition,
)
from tundish_platform.handover.facts import HandoverFacts
from tundish_platform.handover.faults import HandoverRefused, PlanChanged, UnknownHandover
from tundish_platform.handover.keeper import HandoverKeeper
from tundish_platform.handover.mailing import MailView, list_mails
from tundish_platform.handover.notes import (
    NoteChange,
    NoteSpec,
    NoteView,
    carried_into,
    change_note,
    close_point,
    notes_of,
    say,
    take_over,
)
from tundish_platform.handover.places import lines_below, places_of, signals_below
from tundish_platform.handover.plans import (
    Planned,
    list_plans,
    moment,
    planned_at,
    planned_for,
    remove_plan,
    set_plan,
)
from tundish_platform.handover.specs import HandoverMailing, ShiftPlanSpec, ShiftPlanView, ShiftSpec

__all__ = [
    "Edition",
    "EditionView",
    "HandoverFacts",
    "HandoverKeeper",
    "HandoverMailing",
    "HandoverRefused",
    "MailView",
    "NoteChange",
    "NoteSpec",
    "NoteView",
    "PlanChanged",
    "Planned",
    "ShiftPlanSpec",
    "ShiftPlanView",
    "ShiftSpec",
    "UnknownHandover",
    "carried_into",
    "change_note",
    "close_point",
    "find_edition",
    "lines_below",
    "list_editions",
    "list_mails",
    "list_plans",
    "moment",
    "newest_edition",
    "notes_of",
    "places_of",
    "planned_at",
    "planned_for",
    "remove_plan",
    "say",
    "set_plan",
    "signals_below",
    "take_over",
]
