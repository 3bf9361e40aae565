"""Under which licences the parts stand, as their own metadata say, and which ask for a person's look."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.metadata import PackageMetadata

    from tundish_deploy.release.locked import Locked

# By words, for many distributions name no SPDX identifier.
_STRONG: Final = re.compile(
    r"\b(A?GPL|GNU (Affero )?General Public|SSPL|BUSL|CC[- ]BY[- ]NC|Commons Clause)", re.IGNORECASE
)
_WEAK: Final = re.compile(
    r"\b(LGPL|Lesser General Public|MPL|Mozilla Public|EPL|Eclipse Public)", re.IGNORECASE
)
# Their metadata name none, but a file beside it does.
_BY_FILE: Final = {"skops": "MIT"}
_CLASSIFIER: Final = "License :: "
_LONGEST: Final = 100


class Duty(StrEnum):
    """What a licence asks of whoever ships the part."""

    NOTICE = "notice"
    WEAK_COPYLEFT = "weak copyleft"
    STRONG_COPYLEFT = "strong copyleft or restricted"
    UNKNOWN = "unknown"
    ELSEWHERE = "not installed here"


@dataclass(frozen=True, slots=True)
class Licensed:
    """A distribution and its licence.

    Attributes:
        licence: an SPDX expression or the distribution's own words; empty where it says nothing.
    """

    name: str
    version: str
    licence: str
    duty: Duty


def licences(locked: Iterable[Locked]) -> list[Licensed]:
    """The licence of each distribution, by name; read from what is installed in this environment."""
    return [_licensed(one) for one in sorted(locked, key=lambda one: (one.name, one.version))]


def by_licence(found: Iterable[Licensed]) -> Mapping[str, Sequence[str]]:
    """Names by licence."""
    groups = defaultdict[str, list[str]](list)
    for one in found:
        groups[one.licence or f"({one.duty})"].append(one.name)
    return dict(sorted(groups.items()))


def _licensed(one: Locked) -> Licensed:
    try:
        about = metadata(one.name)
    except PackageNotFoundError:
        return Licensed(one.name, one.version, "", Duty.ELSEWHERE)
    if about["Version"] != one.version:
        # Another version may stand under another licence.
        return Licensed(one.name, one.version, "", Duty.ELSEWHERE)
    licence = licence_of(about) or _BY_FILE.get(one.name, "")
    return Licensed(one.name, one.version, licence, _duty(licence))


def licence_of(about: PackageMetadata) -> str:
    """What a distribution's metadata say: the expression, else classifiers, else a short text.

    Args:
        about: core metadata.
    """
    if expression := _said(about, "License-Expression"):
        return expression[0]
    found = [
        one.rpartition(" :: ")[2]
        for one in _said(about, "Classifier")
        if one.startswith(_CLASSIFIER) and not one.endswith("OSI Approved")
    ]
    if found:
        return " AND ".join(sorted(found))
    # Some put the whole text here, whose first line is its title.
    first = "".join(_said(about, "License")[:1]).strip().partition("\n")[0].strip()
    return "" if first.upper() == "UNKNOWN" else first[:_LONGEST]


def _said(about: PackageMetadata, field: str) -> list[str]:
    # Asked as a list, for an absent field alone is an error from Python 3.12 on.
    return [str(one) for one in about.get_all(field, [])]


def _duty(licence: str) -> Duty:
    if not licence:
        return Duty.UNKNOWN
    # Of alternatives the mildest may be chosen.
    duties = [_duty_of(part) for part in re.split(r"\s+OR\s+", licence)]
    return min(duties, key=list(Duty).index)


def _duty_of(licence: str) -> Duty:
    weak = _WEAK.search(licence)
    if _STRONG.search(_WEAK.sub("", licence)):
        return Duty.STRONG_COPYLEFT
    return Duty.WEAK_COPYLEFT if weak else Duty.NOTICE
