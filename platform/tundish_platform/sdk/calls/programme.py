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
        Figure,
        FigureProof,
        Growth,
        Head,
        ProgrammeRule,
        Registered,
        Suspected,
        UpcomingFigures,
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

    def evidence(self, uscc: str, reason: str, rule: str | None = None) -> EvidenceOf:
        """Open why an enterprise is in its stage, for a reason that it reads; for the bureau only."""
        path = below("programme", "enterprises", uscc, "evidence", "openings")
        body = {"reason": reason} | ({"rule": rule} if rule else {})
        found: EvidenceOf = self._json("POST", path, json=body)
        return found

    def suspicions(self) -> Iterator[Suspected]:
        """Enterprises whose connections resemble ghosts, the gravest first, fetched page by page."""
        return self._every("/programme/suspicions")

    def figures(self) -> Iterator[Figure]:
        """Every published figure in the order of the log, fetched page by page; for everybody."""
        return self._every("/figures")

    def figure(self, number: int) -> FigureProof:
        """One published figure with the proof that it is in the log; for everybody."""
        found: FigureProof = self._json("GET", below("figures", number))
        return found

    def figures_head(self) -> Head:
        """The log's newest signed head, to be kept elsewhere; for everybody."""
        found: Head = self._json("GET", "/figures/head")
        return found

    def figures_heads(self) -> Iterator[Head]:
        """Every signed head of the log, fetched page by page; for everybody."""
        return self._every("/figures/heads")

    def figures_growth(self, earlier: int, later: int = 0) -> Growth:
        """The proof that a log is the beginning of a later one, the newest if absent; for everybody."""
        found: Growth = self._json("GET", "/figures/growth", params=given(earlier=earlier, later=later))
        return found

    def save_figures(self, file: Path) -> int:
        """Write the whole log of figures for `tundish programme verify`; returns bytes. For everybody."""
        return self._save("/figures/log", {}, file)

    def upcoming_figures(self, rule: str | None = None) -> UpcomingFigures:
        """What publishing now would publish, with the mark to confirm it by; for the bureau only."""
        found: UpcomingFigures = self._json("GET", "/programme/figures/next", params=given(rule=rule))
        return found

    def save_open_data(self, file: Path) -> int:
        """Write everything published as a data package (ZIP of CSV, JSON and proof); for everybody."""
        return self._save("/figures/package", {}, file)

    def publish_figures(self, rule: str | None = None, reason: str = "", seen: str = "") -> Head:
        """Publish the figures of this moment, with a reason as a correction; for an officer in person."""
        body = {"reason": reason, "seen": seen} | ({"rule": rule} if rule else {})
        head: Head = self._json("POST", "/programme/figures", json=body)
        return head

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
