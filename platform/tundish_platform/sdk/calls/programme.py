"""Above tenants: the bureau's programme and the operator's audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.sdk.calls.paths import below, given
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tundish_platform.sdk.calls.programme_answers import (
        AdoptionFigures,
        Anchor,
        EvidenceOf,
        ProgrammeRule,
        Registered,
        Suspected,
        Verdict,
    )


class ProgrammeCalls(Transport):
    """For the bureau, and for who operates the platform."""

    def programme_rules(self) -> list[ProgrammeRule]:
        """Every published version of the programme's rules; for the bureau only."""
        return self._list("/programme/rules")

    def adoption(self, rule: str | None = None) -> AdoptionFigures:
        """The programme's figures under a rule version, the official one if absent; for the bureau only."""
        figures: AdoptionFigures = self._json("GET", "/programme/adoption", params=given(rule=rule))
        return figures

    def enterprises(self, rule: str | None = None) -> list[Registered]:
        """The enterprises of the programme with their stages; for the bureau only."""
        return list(self._every("/programme/enterprises", given(rule=rule)))

    def evidence(self, uscc: str, rule: str | None = None) -> EvidenceOf:
        """Why an enterprise is in its stage; for the bureau only."""
        path = below("programme", "enterprises", uscc, "evidence")
        found: EvidenceOf = self._json("GET", path, params=given(rule=rule))
        return found

    def suspicions(self) -> Iterator[Suspected]:
        """Enterprises whose connections resemble ghosts, the gravest first, fetched page by page."""
        return self._every("/programme/suspicions")

    def save_audit_trail(self, file: Path, after: int = 0) -> int:
        """Write the whole trail, an entry a line, or what came behind a number; returns bytes. For operators.

        The file appears when it is whole; see `Client.export`.
        """
        return self._save("/audit", given(after=after), file)

    def audit_anchor(self) -> Anchor:
        """Number and digest of the trail's last entry, to be kept elsewhere; for operators."""
        found: Anchor = self._json("GET", "/audit/head")
        return found

    def verify_audit(self) -> Verdict:
        """Whether the trail is whole as it stands in the database; for operators."""
        found: Verdict = self._json("GET", "/audit/verify")
        return found
