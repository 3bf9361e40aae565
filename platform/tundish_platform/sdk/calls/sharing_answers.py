"""What the API answers about what an enterprise shares, as types; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from tundish_platform.sdk.calls.programme_answers import Figure  # noqa: TC001 - types are read when answers are held against them


class ConsentSaid(TypedDict):
    """One time that a consent was given, and when it ended."""

    version: str
    given_at: str
    given_by: str
    withdrawn_at: str | None
    withdrawn_by: str | None


class ConsentStanding(TypedDict):
    """A use that needs consent: its words in force, and whether the enterprise agrees to them now."""

    purpose: str
    version: str
    name_zh: str
    name_en: str
    text_zh: str
    text_en: str
    standing: bool
    history: list[ConsentSaid]


class AppConsent(TypedDict):
    """A standing consent to an app's reading records, or a document that is shared by a code."""

    kind: str
    what: str
    since: str | None
    by: str | None
    until: str | None


class EvidenceOpened(TypedDict):
    """An officer opened the evidence; ``facts`` says whether the figures were shown."""

    at: str
    by: str
    uscc: str
    rule: str
    reason: str
    facts: bool


class SharedRecord(TypedDict):
    """A record of the allow-list: its fields, what it needs, and the rows as the bureau gets them now."""

    record: str
    fields: list[str]
    needs: list[str]
    withheld: bool
    rows: list[dict[str, Any]]


class CountedIn(TypedDict):
    """A cell in which the enterprise is counted, as it is shown; figures that are withheld are missing."""

    table: str
    key: str
    suppressed: bool
    enterprises: int | None
    figures: dict[str, int]


class PublishedOf(TypedDict):
    """The newest publication that counted the enterprise, with the leaf that only it can open."""

    publications: int
    rule_version: str
    moment: str
    published_at: str
    leaf: dict[str, Any]
    figures: list[Figure]


class Sharing(TypedDict):
    """What the bureau and the public see of the tenant's enterprise; ``uscc`` is null where it has none."""

    uscc: str | None
    consents: list[ConsentStanding]
    apps: list[AppConsent]
    openings: list[EvidenceOpened]
    records: list[SharedRecord]
    cells: list[CountedIn]
    published: PublishedOf | None


class NamedEnterprise(TypedDict):
    """An enterprise that agreed to be named in public, and for which purpose."""

    uscc: str
    name_zh: str
    name_en: str
    industry: str
    region: str
    demo: bool
    purpose: str
    rule_version: str
    stage: str
    since: str | None
