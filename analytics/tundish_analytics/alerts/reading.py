"""Statements read back from the evidence that models wrote beside their values."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Final

from tundish_analytics.predictions import Evidence, Prediction

_INSTANTS: Final = ("window_start", "window_end", "trained_from", "trained_to")
# What a model need not say, no rule reads.
_KNOWN: Final = frozenset(field.name for field in fields(Prediction) if field.default is MISSING)
_KNOWN_OF_EVIDENCE: Final = frozenset(field.name for field in fields(Evidence))


def read_statement(text: str) -> Prediction:
    """The statement of an evidence text.

    Raises:
        ValueError: the text is none that this version knows.
    """
    document = json.loads(text)
    try:
        said = _of(document, _KNOWN)
        said |= {name: datetime.fromisoformat(said[name]) for name in _INSTANTS}
        said["evidence"] = tuple(Evidence(**_of(one, _KNOWN_OF_EVIDENCE)) for one in said["evidence"])
        return Prediction(**said)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no statement of a model: {error}") from error


def _of(document: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    # A newer model may say more than this reader knows.
    return {name: value for name, value in document.items() if name in known}
