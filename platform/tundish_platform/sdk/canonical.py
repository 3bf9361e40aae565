"""One way to write JSON, so that equal statements are equal bytes; and chains of hashes over it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

START: Final = "0" * 64


class Broken(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A chain in which something was changed, taken out or put in."""


def canonical(value: object) -> bytes:
    """JSON in UTF-8 with sorted names, no blanks and no NaN; numbers as Python's ``repr`` writes them."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def chained(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same entries, each with ``hash``: SHA-256 over the hash before it (64 hex digits) and the entry."""
    before, found = START, []
    for entry in entries:
        before = _link(before, entry)
        found.append({**entry, "hash": before})
    return found


def check_chain(entries: Sequence[Mapping[str, Any]]) -> str:
    """The last hash of an unbroken chain; `START` for none.

    Raises:
        Broken: says at which entry.
    """
    before = START
    for place, entry in enumerate(entries):
        bare = {name: value for name, value in entry.items() if name != "hash"}
        before = _link(before, bare)
        if entry.get("hash") != before:
            raise Broken(f"the chain breaks at entry {place + 1}")
    return before


def _link(before: str, entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(before.encode() + canonical(entry)).hexdigest()
