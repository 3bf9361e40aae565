"""Texts of the screens in Chinese and English, from two catalogues with the same keys."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Language(StrEnum):
    """The languages of the screens; the value is the HTML language tag."""

    ZH = "zh-CN"
    EN = "en"

    @property
    def locale(self) -> str:
        """Babel's name of the locale whose numbers and dates are used."""
        return {"zh-CN": "zh_Hans_CN", "en": "en_GB"}[self.value]

    @property
    def other(self) -> Language:
        """The language that the switch leads to."""
        return Language.EN if self is Language.ZH else Language.ZH


def language_of(code: str | None) -> Language:
    """The language with this tag; Chinese for anything unknown."""
    return next((language for language in Language if language.value == code), Language.ZH)


@dataclass(frozen=True, slots=True)
class Texts:
    """One language's catalogue: dotted keys to sentences with ``{named}`` places."""

    language: Language
    entries: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key with its places filled.

        Raises:
            KeyError: the catalogue lacks the key, or a place got no value.
        """
        return self.entries[key].format(**values)

    def of(self, zh: str, en: str) -> str:
        """The one of two given texts that is in this language; the other when it is empty."""
        first, second = (zh, en) if self.language is Language.ZH else (en, zh)
        return first or second

    def maybe(self, key: str, default: str) -> str:
        """The sentence of a key that comes from data, or the datum itself when no sentence is known."""
        return self.entries.get(key, default)


@cache
def texts(language: Language) -> Texts:
    """The catalogue of a language, read once."""
    name = "zh.toml" if language is Language.ZH else "en.toml"
    source = files("tundish_dashboards").joinpath("texts", name).read_text(encoding="utf-8")
    return Texts(language, dict(_flat(tomllib.loads(source))))


def _flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, node in tree.items():
        if isinstance(node, dict):
            yield from _flat(node, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(node)
