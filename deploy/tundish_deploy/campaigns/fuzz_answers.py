"""How the server took the cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.strangers import told

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

FAILURE: Final = 500
_CLOSED: Final = frozenset({401, 403, 429})


@dataclass
class Answers:
    """How the server took it.

    Attributes:
        statuses: answers by status.
        operations: cases by operation, as its method and address.
        inside: those of them that got past the door.
        failures: cases that ended in the server's failure, with their number, in words.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def take(self, what: str, answer: TestResponse, operation: str = "") -> None:
        """Count an answer, read to its end where it has one: streams fail late."""
        told(answer)
        answer.close()
        self.statuses[answer.status_code] += 1
        self.operations[operation] += 1
        self.inside[operation] += answer.status_code not in _CLOSED
        if answer.status_code >= FAILURE:
            self.failures.append(f"{what}: {answer.status_code}")

    def __iadd__(self, other: Answers) -> Answers:  # noqa: PYI034 - `Self` would promise too much
        self.statuses += other.statuses
        self.operations += other.operations
        self.inside += other.inside
        self.failures += other.failures
        return self
