"""Sealed documents: what an app handed back, signed by the platform, verifiable by anybody without a network.

The file is one line of canonical JSON, ``{"public_key", "signature", "statement"}``. Bytes in any other form
are refused, so a change anywhere in the file is noticed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tundish_platform.sdk.canonical import canonical
from tundish_platform.sdk.signing import KeyRefused, fingerprint, public_part, sign, signed_by, usable_public

FORMAT: Final = "tundish-document-v1"
_PARTS: Final = {"public_key", "signature", "statement"}


class DocumentRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A file that is no sealed document, was changed, or was signed by another key."""


class Statement(BaseModel):
    """What the platform says: which app made which document, for whom, when.

    Attributes:
        document: which of the app's documents, and the ``subject`` it is about.
        enterprise: name of the tenant; `uscc` its unified social credit code, where known.
        content: the app's own words; the platform vouches that this app made it, not that it is true.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = FORMAT
    app: str
    app_version: str
    document: str
    subject: str = ""
    enterprise: str
    uscc: str = ""
    made_at: AwareDatetime
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document that was verified: its statement, and the fingerprint of the key that signed it."""

    statement: Statement
    key: str


def seal(private: str, statement: Statement) -> bytes:
    """The file of a statement.

    Raises:
        KeyRefused: the text is no private Ed25519 key.
    """
    said = statement.model_dump(mode="json")
    signature = sign(private, _text(said)).hex()
    return canonical({"public_key": public_part(private), "signature": signature, "statement": said}) + b"\n"


def open_sealed(data: bytes, key: str | None = None) -> Sealed:
    """Verify a file; nothing but the file is needed.

    Args:
        data: bytes of the file.
        key: fingerprint of the platform's key as you have it from elsewhere. Without it the file only proves
            that it was not changed since whoever has the key in it signed it.

    Raises:
        DocumentRefused: says why.
    """
    try:
        found = json.loads(data)
        public, signature, said = found["public_key"], found["signature"], found["statement"]
        # Keys in PEM and hexadecimal digits can be written in several ways, of which one is ours.
        ours = bytes.fromhex(signature).hex() == signature and usable_public(public) == public
        unchanged = ours and canonical(found) + b"\n" == data and set(found) == _PARTS
        good = unchanged and signed_by(public, bytes.fromhex(signature), _text(said))
        mark = fingerprint(public)
        statement = Statement.model_validate(said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, KeyRefused) as error:
        raise DocumentRefused("this is no sealed document") from error
    if not good or statement.format != FORMAT:
        raise DocumentRefused("the document was changed after it was signed")
    if key is not None and mark != key.lower():
        raise DocumentRefused(f"it was signed with another key, {mark}")
    return Sealed(statement, mark)


def _text(said: object) -> bytes:
    return f"{FORMAT}\n".encode() + canonical(said)
