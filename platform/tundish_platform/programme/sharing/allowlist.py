"""The fields of a single enterprise that the bureau or the public may see: what is not here does not leave.

Every answer about one enterprise is made by `disclose`, for the bureau's routes and pages and for the
enterprise's own page alike. Counts over many enterprises are not here but in `disclosure` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.programme.sharing.purposes import Purpose

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Record(StrEnum):
    """What is told of one enterprise, by where it stands."""

    ENTRY = "entry"
    STATEMENT = "statement"
    CONTACT = "contact"
    REGISTERED = "registered"
    EVIDENCE = "evidence"
    WINDOW = "window"
    SUSPICION = "suspicion"
    STALLED = "stalled"
    STAGED = "staged"
    EXTERNAL = "external"
    VOUCHER = "voucher"
    NAMED = "named"


ALLOWED: Final[Mapping[Record, tuple[str, ...]]] = {
    Record.ENTRY: (
        "uscc", "name_zh", "name_en", "industry", "region", "park", "size", "size_entered", "staff",
        "revenue", "founded", "hours_week", "notes", "demo", "connected", "merged_into", "registered_at",
        "version",
    ),
    Record.STATEMENT: (
        "id", "uscc", "change", "at", "actor", "kind", "note", "field", "valid_from", "value", "withdrawn",
        "replaced",
    ),
    Record.CONTACT: ("id", "name", "role", "phone", "mail", "entered_by", "entered_at"),
    Record.REGISTERED: (
        "uscc", "name_zh", "name_en", "industry", "region", "demo", "registered_at", "stage", "since",
    ),
    Record.EVIDENCE: (
        "uscc", "name_zh", "name_en", "demo", "rule_version", "rule_name_zh", "rule_name_en", "demo_rule",
        "as_of", "assessed_at", "since", "stage", "facts", "facts_withheld", "facts_hash", "replays", "next",
        "checks", "suspicions",
    ),
    Record.WINDOW: (
        "subscriptions", "sources", "users", "user_bins", "machine_bins", "machines", "lines", "good_share",
        "app_bins", "apps", "alerts", "alerts_handled", "alert_share", "uscc_valid", "industry_set",
        "region_set",
    ),
    Record.SUSPICION: (
        "uscc", "name_zh", "name_en", "region", "demo", "reason", "risk", "signals", "figures", "since",
        "looked_at",
    ),
    Record.STALLED: (
        "id", "uscc", "name_zh", "name_en", "region", "industry", "park", "demo", "stage", "next", "months",
        "failing", "suspicions",
    ),
    Record.STAGED: (
        "id", "uscc", "name_zh", "name_en", "region", "industry", "demo", "stage", "months",
    ),
    Record.EXTERNAL: (
        "id", "kind", "name", "number", "issuer", "issued_on", "valid_until", "file_name", "media_type",
        "size", "digest", "entered_by", "entered_at", "withdrawn_at", "withdrawn_by", "withdrawn_because",
    ),
    Record.VOUCHER: (
        "id", "code", "uscc", "name_zh", "name_en", "amount_fen", "valid_from", "valid_to", "apps",
        "industries", "purpose", "issued_at", "issued_by",
    ),
    Record.NAMED: (
        "uscc", "name_zh", "name_en", "industry", "region", "demo", "purpose", "rule_version", "stage",
        "since",
    ),
}  # fmt: skip
"""Fields by record. A field that is added here is shown on the enterprise's own page by the same list."""

NEEDS: Final[Mapping[Record, frozenset[Purpose]]] = {
    Record.WINDOW: frozenset({Purpose.EVIDENCE}),
    Record.NAMED: frozenset({Purpose.NAMED, Purpose.OPEN_DATA}),
}
"""Records that leave only while the enterprise agrees to one of these; the others belong to taking part."""


class NotAgreed(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The enterprise agreed to none of the purposes that the record needs."""


def disclose(record: Record, source: object, agreed: Collection[Purpose] = ()) -> dict[str, Any]:
    """The allowed fields of one record, and nothing else that the source may have.

    Args:
        record: which.
        source: a mapping, or an object with attributes; what it lacks is left out.
        agreed: what the enterprise agrees to at this moment.

    Raises:
        NotAgreed: the record needs a consent that does not stand.
    """
    needed = NEEDS.get(record)
    if needed is not None and not needed & frozenset(agreed):
        raise NotAgreed(record.value)
    if isinstance(source, Mapping):
        return {name: source[name] for name in ALLOWED[record] if name in source}
    return {name: getattr(source, name) for name in ALLOWED[record] if hasattr(source, name)}


def disclosed(
    record: Record, sources: Iterable[object], agreed: Collection[Purpose] = ()
) -> list[dict[str, Any]]:
    """`disclose` of many."""
    return [disclose(record, one, agreed) for one in sources]
