"""The hash chain: how an entry is digested, and how a stretch of entries is verified. Pure.

The digest of an entry is SHA-256 over the digest before it and the entry as canonical JSON (keys sorted,
no blanks, UTF-8), in which the SHA-256 of its detail stands for the detail. The first entry follows
`GENESIS`. Who changes, removes, inserts or reorders an entry breaks every digest after it; who then
makes them all anew is found out by any digest that was written down elsewhere, an anchor.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GENESIS: Final = hashlib.sha256(b"tundish audit trail 1").hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One link as it is exported.

    Attributes:
        at: UTC.
        detail: canonical JSON; ``None`` where the reader may verify the trail, but not see this.
        detail_digest: hexadecimal SHA-256 of the detail; the chain runs over it, not over the detail.
    """

    number: int
    at: datetime
    actor: str
    tenant: str
    action: str
    subject: str
    detail: str | None
    detail_digest: str
    digest: str

    def line(self) -> str:
        """As a line of the export."""
        return canonical({**self._said(), "detail": self.detail, "digest": self.digest})

    def withheld(self) -> Entry:
        """The same without its detail; it verifies all the same."""
        return replace(self, detail=None)

    def follows(self, previous: str) -> bool:
        """Whether its digests are those of itself after the one before."""
        whole = self.detail is None or self.detail_digest == digest_of_detail(self.detail)
        return whole and self.digest == digest_of(previous, self._said())

    def _said(self) -> dict[str, Any]:
        return said(
            self.number, self.at, self.actor, self.tenant, self.action, self.subject, self.detail_digest
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of verifying.

    Attributes:
        entries: how many were looked at.
        last: number of the last of them; 0 for none.
        digest: of the last of them.
        faults: what is wrong, in words; empty for a whole chain.
    """

    entries: int
    last: int
    digest: str
    faults: tuple[str, ...]


def canonical(value: Mapping[str, Any]) -> str:
    """JSON of which there is only one form."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def said(
    number: int, at: datetime, actor: str, tenant: str, action: str, subject: str, detail_digest: str
) -> dict[str, Any]:
    """What is digested of an entry."""
    return {
        "number": number, "at": at.astimezone(UTC).isoformat(timespec="microseconds"), "actor": actor,
        "tenant": tenant, "action": action, "subject": subject, "detail_digest": detail_digest,
    }  # fmt: skip


def digest_of_detail(detail: str) -> str:
    """Digest by which an entry's detail enters the chain."""
    return hashlib.sha256(detail.encode()).hexdigest()


def digest_of(previous: str, entry: Mapping[str, Any]) -> str:
    """Digest of an entry that follows one with the digest ``previous``."""
    return hashlib.sha256(f"{previous}\n{canonical(entry)}".encode()).hexdigest()


def entry_of(line: str) -> Entry:
    """An entry from a line of the export.

    Raises:
        ValueError: the line is none.
    """
    try:
        fields = json.loads(line)
        at = datetime.fromisoformat(fields.pop("at"))
        entry = Entry(at=at, **fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no entry of an audit trail: {line[:80]!r}") from error
    texts = (entry.actor, entry.tenant, entry.action, entry.subject, entry.detail or "", entry.detail_digest,
             entry.digest)  # fmt: skip
    if type(entry.number) is not int or not all(type(text) is str for text in texts):
        raise ValueError(f"no entry of an audit trail: {line[:80]!r}")
    return entry


def verify(
    entries: Iterable[Entry], *, after: int = 0, previous: str = GENESIS,
    anchors: Mapping[int, str] | None = None, least: int = 0,
) -> Verdict:  # fmt: skip
    """Follow a chain from link to link.

    Args:
        entries: in the order of their numbers.
        after: number of the entry before the first of them; 0 for a chain from its beginning.
        previous: that entry's digest.
        anchors: digests by number that were written down elsewhere.
        least: the chain must go at least up to this number.

    Returns:
        The verdict. It stops at the first broken link, since nothing can be said of what follows.
    """
    count, last, digest = 0, after, previous
    faults: list[str] = []
    wanted = dict(anchors or {})
    for entry in entries:
        count += 1
        if entry.number != last + 1:
            faults.append(f"entry {entry.number} follows entry {last}: something is missing or out of order")
            break
        if not entry.follows(digest):
            faults.append(f"entry {entry.number} or the one before it was changed")
            break
        last, digest = entry.number, entry.digest
        if wanted.pop(last, digest) != digest:
            faults.append(f"entry {last} differs from its anchor: the chain was made anew")
            break
    else:
        missing = [number for number in wanted if number > after]
        if missing or last < least:
            end = max([*missing, least])
            faults.append(f"the chain ends at entry {last}, but reached entry {end} before")
    return Verdict(count, last, digest, tuple(faults))
