"""The distributions that a lock file names: exact versions, hashes, and who wants them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HASH: Final = re.compile(r"--hash=(\w+):([0-9a-f]+)")
_PROJECT: Final = "(pyproject.toml)"


class LockError(ValueError):
    """A lock file that does not say exactly what is installed."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One distribution of a lock file.

    Attributes:
        name: as the index knows it, lower case with hyphens.
        marker: where it is installed; empty for everywhere.
        hashes: of its files, by algorithm.
        wanted_by: names of the distributions that need it; ``""`` stands for ourselves.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[tuple[str, str], ...]
    wanted_by: tuple[str, ...]

    @property
    def here(self) -> bool:
        """Whether it is installed on a machine like this one."""
        marker = Requirement(f"{self.name}; {self.marker}").marker if self.marker else None
        return marker is None or marker.evaluate()


def read_lock(file: Path) -> list[Locked]:
    """The distributions of a lock file in pip's form, as uv and pip-tools write it.

    Args:
        file: such as ``requirements/server.txt``.

    Raises:
        LockError: it cannot be read, is empty, or names something without an exact version and a hash.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{file}: {error}") from error
    found = [_locked(file, line, notes) for line, notes in _entries(text)]
    if not found:
        raise LockError(f"{file} names no distribution")
    return found


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each requirement on one line, with the notes below it."""
    entry, notes = "", list[str]()
    for raw in text.splitlines():
        line = raw.strip()
        if raw[:1] not in {"", " ", "#"}:
            if entry:
                yield entry, notes
            entry, notes = "", []
        if line.startswith("#"):
            notes.append(line.lstrip("# "))
        else:
            entry += line.removesuffix("\\") + " "
    if entry.strip():
        yield entry, notes


def _locked(file: Path, line: str, notes: list[str]) -> Locked:
    hashes = tuple((kind, digest) for kind, digest in _HASH.findall(line))
    try:
        wanted = Requirement(_HASH.sub("", line).strip())
    except InvalidRequirement as error:
        raise LockError(f"{file}: {line.strip()[:80]!r} is no requirement: {error}") from error
    exact = [one.version for one in wanted.specifier if one.operator == "==" and "*" not in one.version]
    if len(exact) != 1 or len(wanted.specifier) != 1 or not hashes:
        raise LockError(f"{file}: {wanted.name} has no exact version with a hash")
    name = canonicalize_name(wanted.name)
    return Locked(name, exact[0], str(wanted.marker or ""), hashes, tuple(_wanted_by(notes)))


def _wanted_by(notes: list[str]) -> Iterator[str]:
    for note in notes:
        who = note.removeprefix("via").strip()
        # What only bounds the versions (-c) wants nothing; a list of requirements (-r) is ours.
        if not who or who.startswith("-c"):
            continue
        yield (
            "" if who.endswith(_PROJECT) or who.startswith("-r") else canonicalize_name(who.partition(" ")[0])
        )
