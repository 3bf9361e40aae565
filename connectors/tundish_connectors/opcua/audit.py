"""A connection's trail of what was asked to be changed at its machine: who, when, what, what became of it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

FILE = "audit.jsonl"


class AuditTrail:
    """Lines of JSON, each on disk before what it tells of may happen; lines are only ever added.

    Args:
        state_dir: the connection's folder.
    """

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / FILE

    def ask(self, who: str, action: str, path: str, **said: Any) -> str:  # noqa: ANN401 - values of any type
        """Write down what somebody is about to do; returns the entry's id.

        Raises:
            OSError: it could not be written, so it must not be done.
        """
        entry = uuid4().hex
        self._add({"id": entry, "event": "asked", "who": who, "action": action, "path": path, **said})
        return entry

    def tell(self, entry: str, status: str, **said: Any) -> None:  # noqa: ANN401 - values of any type
        """Write down what became of it.

        Raises:
            OSError: it could not be written; what happened stays without its outcome.
        """
        self._add({"id": entry, "event": "done", "status": status, **said})

    def _add(self, line: dict[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps({"at": datetime.now(UTC).isoformat(), **line}, ensure_ascii=False, default=str)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{text}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
