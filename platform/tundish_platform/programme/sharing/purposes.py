"""The uses that need an enterprise's consent, with the words it agrees to: each version is published once."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.sdk import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping


class Purpose(StrEnum):
    """What an enterprise may agree to, each by itself."""

    EVIDENCE = "evidence"
    NAMED = "named"
    OPEN_DATA = "open_data"


class PurposeText(BaseModel):
    """What a person is asked.

    Attributes:
        version: of the words; a consent stands for the words it was given to, never for later ones.
        name, text: what it is called, and what exactly is agreed to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(pattern=r"^[0-9]{4}\.[0-9]{1,3}$")
    name: Texts
    text: Texts


@lru_cache(maxsize=1)
def purposes() -> Mapping[Purpose, PurposeText]:
    """The words in force, by purpose."""
    read = tomllib.loads(files(__package__).joinpath("purposes.toml").read_text(encoding="utf-8"))
    return {purpose: PurposeText.model_validate(read[purpose.value]) for purpose in Purpose}
