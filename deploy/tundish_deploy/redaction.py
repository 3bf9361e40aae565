"""Secrets out of log lines: whatever a part logs by mistake, no token or password reaches the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

HIDDEN: Final = "[redacted]"
# Names of fields whose whole value is a secret.
_NAMES: Final = re.compile(
    r"(^|_|-)(password|passwd|passphrase|secret|token|authorization|cookie|api_?key|private_?key|credentials?)$",
    re.IGNORECASE,
)
# Secrets inside other texts: our tokens, headers, and passwords in addresses and settings.
_TEXTS: Final = (
    (re.compile(r"tnd_[A-Za-z0-9_-]{8,}"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@"), rf"\1:{HIDDEN}@"),
    (
        re.compile(r"\b(password|secret|token)(\s*[=:]\s*)(?!\[redacted\])[^\s,;&'\"]+", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
)
_DEEPEST: Final = 6


def redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor for structlog: hides secrets by the field's name and by their looks, nested ones too."""
    return {name: _hidden(name, value, _DEEPEST) for name, value in event.items()}


def _hidden(name: object, value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever was logged
    if isinstance(name, str) and not name.startswith("_") and _NAMES.search(name) and value:
        return HIDDEN
    if isinstance(value, str):
        for pattern, instead in _TEXTS:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, bytes):
        return _hidden(name, value.decode("utf-8", "replace"), depth)
    if isinstance(value, dict):
        return HIDDEN if not depth else {k: _hidden(k, v, depth - 1) for k, v in value.items()}
    if type(value) in {list, tuple, set}:
        return HIDDEN if not depth else type(value)(_hidden("", one, depth - 1) for one in value)
    return value
