"""Known flaws of what is shipped, from a database of advisories on this disk; nothing is fetched.

A check that knows nothing finds nothing. So a database has to prove itself first: it must know flaws that
everybody knows (`CANARIES`) and must not be old; otherwise there is no answer, and never "none known".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tundish_deploy.release.locked import Locked

CANARIES: Final = (
    ("flask", "0.12.2", "CVE-2018-1000656"),
    ("jinja2", "2.10", "CVE-2019-10906"),
    ("pyyaml", "5.1", "CVE-2019-20477"),
    ("requests", "2.19.1", "CVE-2018-18074"),
    ("urllib3", "1.24.1", "CVE-2019-11324"),
)
"""Versions and the flaw that is known of each; a database that knows one of them not is none."""

MAX_AGE: Final = timedelta(days=30)
_CLOCKS_DIFFER: Final = timedelta(days=2)


class DatabaseUnusable(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The database cannot be trusted to find anything; says why."""


@dataclass(frozen=True, slots=True)
class Range:
    """Versions from one on and before another.

    Attributes:
        introduced: the first that has the flaw; ``None`` for the very first.
        fixed: the first that does not have it any more.
        last: the last that has it, where no fixed one is named.
    """

    introduced: Version | None = None
    fixed: Version | None = None
    last: Version | None = None

    def holds(self, version: Version) -> bool:
        """Whether the version lies within."""
        if self.introduced is not None and version < self.introduced:
            return False
        if self.fixed is not None and version >= self.fixed:
            return False
        return self.last is None or version <= self.last


@dataclass(frozen=True, slots=True)
class Advisory:
    """A flaw of one distribution.

    Attributes:
        id: of the database.
        aliases: other names of the same flaw, such as its CVE number.
        summary: in the database's words.
        versions: that have it, one by one.
        ranges: of versions that have it.
        unclear: it says of no version whether it has the flaw, or does so in words that are not understood.
    """

    id: str
    aliases: frozenset[str] = frozenset()
    summary: str = ""
    versions: frozenset[str] = frozenset()
    ranges: tuple[Range, ...] = ()
    unclear: bool = False

    def affects(self, version: str) -> bool:
        """Whether the version has the flaw; yes, where that cannot be told."""
        if self.unclear or version in self.versions:
            return True
        try:
            parsed = Version(version)
        except InvalidVersion:
            return True
        return any(one.holds(parsed) for one in self.ranges) or any(
            _same(parsed, one) for one in self.versions
        )


@dataclass(frozen=True, slots=True)
class Database:
    """All advisories of a file.

    Attributes:
        name: of the file.
        newest: when anything in it was changed last.
        by_name: by canonical name of the distribution.
    """

    name: str
    newest: datetime
    by_name: Mapping[str, Sequence[Advisory]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many advisories there are; one that names several distributions counts for each."""
        return sum(map(len, self.by_name.values()))

    def of(self, name: str, version: str) -> list[Advisory]:
        """The flaws of a version that are known."""
        return [one for one in self.by_name.get(name, ()) if one.affects(version)]

    def prove(self, now: datetime, max_age: timedelta = MAX_AGE) -> None:
        """Whether the database can be trusted to find what is known.

        Args:
            now: aware instant.
            max_age: older ones say nothing of what was found since.

        Raises:
            DatabaseUnusable: it misses a flaw that everybody knows, or it is old.
        """
        for name, version, flaw in CANARIES:
            if not any(flaw in {one.id, *one.aliases} for one in self.of(name, version)):
                raise DatabaseUnusable(
                    f"{self.name} ({self.count} advisories) does not know {flaw} of {name} {version}. "
                    "It is empty, cut off, or not about Python's packages."
                )
        age = now - self.newest
        if age < -_CLOCKS_DIFFER:
            raise DatabaseUnusable(f"{self.name} ends on {self.newest:%Y-%m-%d}, which is yet to come.")
        if age > max_age:
            raise DatabaseUnusable(
                f"{self.name} ends on {self.newest:%Y-%m-%d}, {age.days} days ago; {max_age.days} are "
                "allowed. It does not know what was found since. Get a newer one."
            )


@dataclass(frozen=True, slots=True)
class Finding:
    """A distribution with a known flaw."""

    name: str
    version: str
    advisory: Advisory


def findings(locked: Iterable[Locked], database: Database) -> list[Finding]:
    """Known flaws of all distributions, by name; call `Database.prove` before."""
    return [
        Finding(one.name, one.version, advisory)
        for one in sorted(locked, key=lambda one: (one.name, one.version))
        for advisory in database.of(one.name, one.version)
    ]


def _same(version: Version, text: str) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False
