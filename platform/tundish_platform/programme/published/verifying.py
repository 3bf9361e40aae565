"""Verifies an export of the log, a figure with its proof, or a package of open data: from the file alone."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

from tundish_platform.programme.published.entries import Figure, figure_of
from tundish_platform.programme.published.heads import Head
from tundish_platform.programme.published.tree import included, root_of
from tundish_platform.sdk.signing import KeyRefused, fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

ARCHIVE: Final = b"PK\x03\x04"
LOG: Final = "tundish-log-v1"
PROOF: Final = "tundish-proof-v1"


class NotProven(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The file does not prove what it says; the text says why."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a file proves.

    Attributes:
        figures: as published; of a proof the one figure.
        head: the newest head, under which they stand.
        key: fingerprint of the key that signed it.
        withdrawn: numbers of figures that a later one of the file corrects.
    """

    figures: tuple[Figure, ...]
    head: Head
    key: str
    withdrawn: frozenset[int]


def verify_file(data: bytes, *, key: str | None = None, against: bytes | None = None) -> Proven:
    """Verify an export, a proof or a package.

    Args:
        data: bytes of the file.
        key: fingerprint of the platform's key as you have it from elsewhere. Without it the file only proves
            that whoever has the key in it signed it.
        against: a head you kept earlier, JSON; the log must have grown out of it.

    Raises:
        NotProven: says why.
    """
    if data.startswith(ARCHIVE):
        return _package(data, key, against)
    try:
        found = json.loads(data)
        kept = None if against is None else Head.model_validate(json.loads(against))
        mark = _known(found["public_key"], key, kept)
        verify = {LOG: _log, PROOF: _proof}[found.pop("format")]
        return verify(found, mark, kept)
    except NotProven:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, KeyRefused) as error:
        raise NotProven("this is no export of published figures, or a figure was rewritten") from error


def _known(public: str, key: str | None, kept: Head | None) -> str:
    """The fingerprint of the file's key, if it is the one that was to be expected."""
    mark = fingerprint(public)
    if key is not None and mark != key.lower():
        raise NotProven(f"it was signed with another key, {mark}")
    if kept is not None and not kept.signed_by(public):
        raise NotProven("the head you kept was signed with another key, or was changed")
    return mark


def _package(data: bytes, key: str | None, against: bytes | None) -> Proven:
    """A package: its log, and that table and description say nothing else."""
    from tundish_platform.programme.published import package  # noqa: PLC0415 - only packages need its tables

    try:
        files = package.files_of(data)
        proven = verify_file(files[package.LOG_FILE], key=key, against=against)
        wrong = package.differs(files, proven.figures, proven.head)
    except NotProven:
        raise
    except (BadZipFile, ValueError, KeyError, TypeError, OSError, zlib.error) as error:
        raise NotProven("this is no package of published figures, or a file of it is missing") from error
    if wrong:
        raise NotProven(wrong)
    return proven


def _log(found: dict[str, Any], mark: str, kept: Head | None) -> Proven:
    """An export of the whole log: every head it ever had must follow from the figures."""
    figures = tuple(_real(figure_of(said)) for said in found["figures"])
    heads = [Head.model_validate(said) for said in found["heads"]]
    leaves = [figure.leaf() for figure in figures]
    if not heads or heads[-1].size != len(figures):
        raise NotProven("the newest head stands for another number of figures: some are missing or put in")
    for before, after in pairwise(heads):
        if after.size < before.size or after.at < before.at:
            raise NotProven("the heads are out of order")
    for head in [*heads, *([kept] if kept else [])]:
        _holds(head, leaves, found["public_key"])
    _in_order(figures)
    return Proven(figures, heads[-1], mark, _corrected(figures))


def _proof(found: dict[str, Any], mark: str, kept: Head | None) -> Proven:
    """One figure and the path from it to a head."""
    figure, head = _real(figure_of(found["figure"])), Head.model_validate(found["head"])
    if not head.signed_by(found["public_key"]):
        raise NotProven("the head was signed with another key, or was changed")
    if kept is not None and (kept.size, kept.root) != (head.size, head.root):
        raise NotProven("a single figure says nothing of another head: verify the whole export against it")
    path = [bytes.fromhex(step) for step in found["path"]]
    if not included(figure.number, head.size, figure.leaf(), path, bytes.fromhex(head.root)):
        raise NotProven("the figure is not in the log as it is written here")
    return Proven((figure,), head, mark, frozenset())


def _real(figure: Figure) -> Figure:
    if figure.simulated:
        raise NotProven(f"figure {figure.number} is of a simulated city, which no programme publishes")
    return figure


def _holds(head: Head, leaves: Sequence[bytes], public: str) -> None:
    if not head.signed_by(public):
        raise NotProven("a head was signed with another key, or was changed")
    if head.size > len(leaves):
        raise NotProven("the log is shorter than a head you kept: figures were taken away, or it is old")
    if root_of(leaves[: head.size]).hex() != head.root:
        raise NotProven(f"the first {head.size} figures are not those that were published")


def _in_order(figures: Sequence[Figure]) -> None:
    for place, figure in enumerate(figures):
        if figure.number != place:
            raise NotProven(f"figure {figure.number} stands at place {place}")
        if figure.corrects is not None and figure.corrects >= place:
            raise NotProven(f"figure {place} corrects one that is not before it")


def _corrected(figures: Sequence[Figure]) -> frozenset[int]:
    return frozenset(figure.corrects for figure in figures if figure.corrects is not None)
