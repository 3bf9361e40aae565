"""What of a failed run its publisher may know: the kind of exception and the place in the app's own files.

An app chooses what it raises and prints, so neither is taken at its word: kinds are Python's own, places lie
in the package as it was published. Messages, values and names never leave the tenant.
"""

from __future__ import annotations

import builtins
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tundish_platform.marketplace.catalogue import App

OTHER: Final = "other"
_KINDS: Final = frozenset(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
)
_PLACE: Final = re.compile(r'^  File "(?P<file>[^"\n]{1,400})", line (?P<line>\d{1,6})', re.MULTILINE)
_RAISED: Final = re.compile(r"^(?:[A-Za-z_]\w*\.)*(?P<kind>[A-Za-z_]\w*)(?::|$)", re.MULTILINE)


class Fault(NamedTuple):
    """Where and as what a run failed; empty where that is not known."""

    kind: str = ""
    place: str = ""


def fault_of(app: App, detail: str) -> Fault:
    """The fault that an app's log tells of.

    Args:
        app: whose log it is.
        detail: its end; untrusted text.
    """
    _, found, traceback = detail.rpartition("Traceback (most recent call last):")
    if not found:
        return Fault()
    places = [place for match in _PLACE.finditer(traceback) if (place := _own_place(app, match))]
    last = None
    for match in _PLACE.finditer(traceback):
        last = match.end()
    kinds = [match["kind"] for match in _RAISED.finditer(traceback, last or 0)]
    named = next((kind for kind in kinds if kind in _KINDS), OTHER)
    return Fault(named, places[-1] if places else "")


def _own_place(app: App, match: re.Match[str]) -> str:
    """``file:line`` within the package, where it has such a line."""
    parts = PurePosixPath(match["file"]).parts
    if app.folder.name not in parts:
        return ""
    within = PurePosixPath(*parts[parts.index(app.folder.name) + 1 :])
    file = app.folder / within
    if ".." in within.parts or file.suffix != ".py" or not file.is_file():
        return ""
    line = int(match["line"])
    lines = len(file.read_bytes().splitlines())
    return f"{within}:{line}"[:200] if 1 <= line <= lines else ""
