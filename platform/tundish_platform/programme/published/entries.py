"""A published figure as it is logged, and the evidence it commits to without telling of anybody."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.programme.published.tree import leaf_hash, root_of
from tundish_platform.sdk.canonical import canonical

_SALT_BYTES: Final = 32
# What a figure commits to is never told to be fewer records than this.
_LEAST_LEAVES: Final = 8


class Figure(BaseModel):
    """One figure, once published never changed.

    Attributes:
        number: its place in the log, from 0.
        name: what is counted, ``enterprises.<stage>.current`` or ``….ever``.
        value: enterprises; None where it is withheld from now on, which only a correction says.
        exact: whether the value is the count itself; else it is rounded to a multiple of five.
        region, industry: the cell; ``""`` for all.
        moment: end of the newest window the evidence covers.
        evidence: root over the salted digests of the evidence records of this publication.
        simulated: of made enterprises; the log takes none of these.
        corrects: number of the figure that this one takes the place of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=0)
    name: str = Field(pattern=r"^[a-z_.]{1,80}$")
    value: int | None = Field(ge=0)
    exact: bool
    region: str = Field("", max_length=6)
    industry: str = Field("", max_length=5)
    rule_version: str = Field(max_length=40)
    moment: AwareDatetime
    published_at: AwareDatetime
    evidence: str = Field(pattern=r"^[0-9a-f]{64}$")
    demo: bool = False
    simulated: bool = False
    corrects: int | None = Field(None, ge=0)
    reason: str = Field("", max_length=400)
    format: Literal["tundish-figure-v1"] = "tundish-figure-v1"

    def text(self) -> bytes:
        """The bytes that are logged."""
        return canonical(self.model_dump(mode="json"))

    def leaf(self) -> bytes:
        """Its leaf of the tree."""
        return leaf_hash(self.text())


class Opening(BaseModel):
    """What one enterprise's leaf of the evidence commits to; shown to the enterprise and to auditors only.

    Attributes:
        best: the highest stage ever reached.
        salt: 32 random bytes, hexadecimal, new in each publication; without them nobody can try facts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uscc: str
    region: str
    industry: str
    rule_version: str
    as_of: AwareDatetime
    stage: str
    best: str
    facts_hash: str
    salt: str = Field(pattern=r"^[0-9a-f]{64}$")

    def digest(self) -> bytes:
        """Its leaf."""
        return leaf_hash(canonical(self.model_dump(mode="json")))


def new_salt() -> str:
    """A salt nobody can guess."""
    return secrets.token_hex(_SALT_BYTES)


def evidence_leaves(openings: list[Opening], padding: list[str]) -> list[bytes]:
    """Leaves in the order of their digests, which tells nothing, filled up with random ones."""
    filled = [hashlib.sha256(bytes.fromhex(text)).digest() for text in padding]
    return sorted([*(one.digest() for one in openings), *filled])


def padded(count: int) -> int:
    """How many leaves stand for so many records: a power of two, so that their number isn't told."""
    return max(_LEAST_LEAVES, 1 << max(count - 1, 0).bit_length())


def evidence_root(leaves: list[bytes]) -> str:
    """The root over the leaves of `evidence_leaves`, hexadecimal."""
    return root_of(leaves).hex()


def figure_of(said: Any) -> Figure:  # noqa: ANN401 - whatever a file holds
    """A figure of its JSON.

    Raises:
        ValueError: it is none, or is written in another way than `Figure.text` writes it.
    """
    found = Figure.model_validate(said)
    if canonical(said) != found.text():
        raise ValueError("the figure is written in another way than it was published")
    return found
