"""Who did what: a chain of entries in which a change shows."""

from tundish_platform.audit.chain import GENESIS, Entry, Verdict, canonical, entry_of, verify
from tundish_platform.audit.trail import (
    LEAST_KEPT,
    MAX_PAGE,
    all_entries,
    entries_of,
    head,
    prune,
    record,
    record_of,
    verify_trail,
)

__all__ = [
    "GENESIS",
    "LEAST_KEPT",
    "MAX_PAGE",
    "Entry",
    "Verdict",
    "all_entries",
    "canonical",
    "entries_of",
    "entry_of",
    "head",
    "prune",
    "record",
    "record_of",
    "verify",
    "verify_trail",
]
