"""A text in the platform's two languages, as manifests and screens carry it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Said = Annotated[str, Field(min_length=1, max_length=2_000)]


class Texts(BaseModel):
    """The same thing said in Chinese and in English; neither may be empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: _Said
    en: _Said
