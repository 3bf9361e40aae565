"""Databases in the form of OSV (https://ossf.github.io/osv-schema): the zip of an ecosystem, or a folder."""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tundish_deploy.release.advisories import Advisory, Database, DatabaseUnusable, Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ECOSYSTEM: Final = "PyPI"
_ENDS: Final = ("introduced", "fixed", "last_affected")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def read_osv(place: Path) -> Database:
    """The advisories of PyPI's packages in a zip of JSON files, as osv.dev offers it, or in a folder of such.

    Raises:
        DatabaseUnusable: it is not there, cannot be read, or holds something else.
    """
    newest, by_name = _NEVER, defaultdict[str, list[Advisory]](list)
    try:
        for record in map(json.loads, _files(place)):
            newest = max(newest, _instant(record["modified"]))
            if "withdrawn" in record:
                continue
            for name, advisory in _advisories(record):
                by_name[name].append(advisory)
    except (OSError, zipfile.BadZipFile) as error:
        raise DatabaseUnusable(f"{place.name} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseUnusable(f"{place.name} holds a file that is no OSV record: {error!r:.200}") from error
    return Database(place.name, newest, by_name)


def _files(place: Path) -> Iterator[bytes]:
    if place.is_dir():
        for file in sorted(place.rglob("*.json")):
            yield file.read_bytes()
        return
    with zipfile.ZipFile(place) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield archive.read(name)


def _advisories(record: dict[str, Any]) -> Iterator[tuple[str, Advisory]]:
    """One for each package of ours; a package may stand in a record several times."""
    names = frozenset(record.get("aliases", ()))
    for affected in record.get("affected", ()):
        package = affected.get("package", {})
        if package.get("ecosystem") != _ECOSYSTEM:
            continue
        versions = frozenset(map(str, affected.get("versions", ())))
        spans = [one for one in affected.get("ranges", ()) if one["type"] != "GIT"]
        try:
            ranges = tuple(part for span in spans for part in _ranges(span["events"]))
            unclear = not ranges and not versions
        except InvalidVersion:
            ranges, unclear = (), True
        # Details may be pages long; a finding is a line.
        summary = " ".join((record.get("summary") or record.get("details", "")).split())
        yield (
            canonicalize_name(package["name"]),
            Advisory(record["id"], names, summary[:300], versions, ranges, unclear),
        )


def _ranges(events: Iterable[dict[str, str]]) -> Iterator[Range]:
    """Events come in any order: sorted by version, each introduction ends at what follows it."""
    known = ((event[what], what) for event in events for what in _ENDS if what in event)
    found = sorted(
        ((_version(text), what) for text, what in known), key=lambda one: (one[0], one[1] == _ENDS[0])
    )
    begun: Version | None = None
    for version, what in found:
        if what == _ENDS[0]:
            begun = begun or version
        elif begun is not None:
            yield Range(begun, fixed=version) if what == _ENDS[1] else Range(begun, last=version)
            begun = None
    if begun is not None:
        yield Range(begun)


def _version(text: str) -> Version:
    # "0" stands for what is before every version, also before the likes of 0.dev1.
    return Version("0.dev0" if text == "0" else text)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
