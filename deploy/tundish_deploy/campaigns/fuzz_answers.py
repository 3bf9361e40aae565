"""How the server took the cases."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import got_request_exception

from tundish_deploy.campaigns.strangers import told

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

FAILURE: Final = 500
_CLOSED: Final = frozenset({401, 403, 429})
_REFUSED_FROM: Final = 400
_WHY: Final = "fuzz_failures"


@dataclass
class Answers:
    """How the server took it.

    Attributes:
        statuses: answers by status.
        operations: the same by operation, as its method and address; what hit none is under an empty name.
        failures: cases that ended in the server's failure, with their number, in words.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    operations: dict[str, Counter[int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def take(self, what: str, answer: TestResponse, operation: str = "", why: str = "") -> None:
        """Count an answer, read to its end where it has one: streams fail late."""
        told(answer)
        answer.close()
        self.statuses[answer.status_code] += 1
        self.operations.setdefault(operation, Counter())[answer.status_code] += 1
        if answer.status_code >= FAILURE:
            self.failures.append(f"{what}: {answer.status_code} {why}")

    def asked(self, operation: str) -> int:
        """How many cases an operation got."""
        return self.operations.get(operation, Counter()).total()

    def inside(self, operation: str) -> int:
        """How many of them got past the door."""
        found = self.operations.get(operation, Counter())
        return sum(count for status, count in found.items() if status not in _CLOSED)

    def done(self, operation: str) -> int:
        """How many of them were done: answered by a status of success, or by that of what is unchanged."""
        found = self.operations.get(operation, Counter())
        return sum(count for status, count in found.items() if status < _REFUSED_FROM)

    def told(self, operation: str) -> str:
        """An operation's answers by status, in words."""
        found = self.operations.get(operation, Counter())
        return ", ".join(f"{status} {count}" for status, count in sorted(found.items()))

    def __iadd__(self, other: Answers) -> Answers:  # noqa: PYI034 - `Self` would promise too much
        self.statuses += other.statuses
        for operation, found in other.operations.items():
            self.operations.setdefault(operation, Counter()).update(found)
        self.failures += other.failures
        return self


def listen(app: Flask) -> None:
    """Keep what the application fails of, for `why`."""
    app.extensions[_WHY] = []
    got_request_exception.connect(_keep, app)


def why(app: Flask) -> str:
    """What it failed of since it was last asked, each with the last place of ours in it."""
    found = "; ".join(app.extensions[_WHY])
    app.extensions[_WHY].clear()
    return found


def _keep(sender: Flask, exception: Exception, **_more: object) -> None:
    ours = [one for one in traceback.extract_tb(exception.__traceback__) if "tundish_" in one.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    sender.extensions[_WHY].append(f"{type(exception).__name__}: {str(exception)[:200]}{place}")
