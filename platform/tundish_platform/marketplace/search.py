"""Looking through the catalogue: words in either language, industry, problem, order."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from tundish_platform.marketplace.categories import PROBLEMS, divisions, industries, made_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.marketplace.catalogue import App, Compatibility
    from tundish_platform.sdk import Manifest


class Order(StrEnum):
    """In which order apps are shown.

    By fit: what could run here before what could not, then by the share of inputs found. The newest first:
    by the day of approval; the platform's own apps, which have none, come behind.
    """

    NAME = "name"
    FIT = "fit"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for.

    Attributes:
        words: all of them must be found, in names, description, publisher, problems or industries.
        industry: GB/T 4754 section or division; empty for all.
        problem: one of `PROBLEMS`; empty for all.
    """

    words: str = ""
    industry: str = ""
    problem: str = ""
    order: Order = Order.NAME


def search(apps: Iterable[App], wish: Wish, fits: Mapping[str, Compatibility] | None = None) -> list[App]:
    """The apps that are wished for, in the order wished for.

    Args:
        apps: of the catalogue.
        wish: what is looked for.
        fits: what each app would find at the tenant, by its id; needed for the order by fit.
    """
    terms = _plain(wish.words).split()
    found = [app for app in apps if _wanted(app.manifest, wish, terms)]
    found.sort(key=lambda app: _plain(app.manifest.name.en))
    if wish.order is Order.NEWEST:
        found.sort(key=lambda app: app.approved_at.timestamp() if app.approved_at else 0.0, reverse=True)
    elif wish.order is Order.FIT and fits is not None:
        found.sort(key=lambda app: _rank(fits[app.manifest.id]))
    elif terms:
        # Who types a name means the app of that name.
        found.sort(key=lambda app: not all(term in _names(app.manifest) for term in terms))
    return found


def _wanted(manifest: Manifest, wish: Wish, terms: list[str]) -> bool:
    return (
        (not wish.industry or made_for(manifest, wish.industry))
        and (not wish.problem or wish.problem in manifest.problems)
        and all(term in _searched(manifest) for term in terms)
    )


def _rank(fit: Compatibility) -> tuple[bool, float]:
    # An app on records alone asks for no signal, so nothing of it is absent.
    asked = len(fit.found) + len(fit.absent)
    return not fit.usable, -len(fit.found) / asked if asked else -1.0


def _names(manifest: Manifest) -> str:
    return _plain(f"{manifest.id} {manifest.name.zh} {manifest.name.en}")


@lru_cache(maxsize=1024)
def _searched(manifest: Manifest) -> str:
    """Everything that an app is found by; the platform computes it once for each version."""
    said = [manifest.description.zh, manifest.description.en, manifest.publisher]
    for problem in manifest.problems:
        said += [PROBLEMS[problem].zh, PROBLEMS[problem].en]
    for code in divisions(manifest):
        name = industries().get(code)
        said += [code, name.zh, name.en] if name else [code]
    return f"{_names(manifest)} {_plain(' '.join(said))}"


def _plain(text: str) -> str:
    """Full-width letters narrow, capitals small."""
    return unicodedata.normalize("NFKC", text).casefold()
