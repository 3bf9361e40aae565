"""The register of enterprises: what held when, what was known when, and who said so."""

from tundish_platform.programme.register.changes import (
    Difference,
    Edit,
    Outdated,
    RegisterRefused,
    edit_enterprise,
    enter_enterprise,
)
from tundish_platform.programme.register.merging import merge_enterprises, undo_merge
from tundish_platform.programme.register.reading import RegisterEntry, entries, entry_of, figures, history_of

__all__ = [
    "Difference",
    "Edit",
    "Outdated",
    "RegisterEntry",
    "RegisterRefused",
    "edit_enterprise",
    "enter_enterprise",
    "entries",
    "entry_of",
    "figures",
    "history_of",
    "merge_enterprises",
    "undo_merge",
]
