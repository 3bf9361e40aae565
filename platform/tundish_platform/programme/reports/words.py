"""The report's words by key, in one language."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tundish_platform.sdk import Texts

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """Says things in one language.

    Attributes:
        language: of everything it says.
    """

    language: Language

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key, with values put in."""
        said = _read()[key][self.language == "en"]
        return said.format(**values) if values else said

    def of(self, texts: Texts) -> str:
        """One of a pair of texts."""
        return texts.en if self.language == "en" else texts.zh


@lru_cache(maxsize=1)
def _read() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return {key: (zh, en) for key, (zh, en) in tomllib.loads(text).items()}
