"""The programme: enterprises, versioned rules, evidence, and adoption figures that follow from data."""

from tundish_platform.programme.adoption import (
    Adoption,
    StageCount,
    adoption,
    assess,
    evidence,
    is_assessed,
    is_large,
    listed,
    replays,
    state_of,
)
from tundish_platform.programme.disclosure import Cell
from tundish_platform.programme.facts import Activity, AlertCase, AppUse, gather, of_month, span
from tundish_platform.programme.models import Enterprise, EvidenceRecord
from tundish_platform.programme.newest import newest_evidence
from tundish_platform.programme.registry import enterprise_of, enterprises, register_enterprise
from tundish_platform.programme.rules import Rule, Verdict, apply, facts_hash, published_rules
from tundish_platform.programme.uscc import InvalidUscc, check_uscc

__all__ = [
    "Activity",
    "Adoption",
    "AlertCase",
    "AppUse",
    "Cell",
    "Enterprise",
    "EvidenceRecord",
    "InvalidUscc",
    "Rule",
    "StageCount",
    "Verdict",
    "adoption",
    "apply",
    "assess",
    "check_uscc",
    "enterprise_of",
    "enterprises",
    "evidence",
    "facts_hash",
    "gather",
    "is_assessed",
    "is_large",
    "listed",
    "newest_evidence",
    "of_month",
    "published_rules",
    "register_enterprise",
    "replays",
    "span",
    "state_of",
]
