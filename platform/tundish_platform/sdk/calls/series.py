"""The programme's months, targets, external facts and declared figures; for the bureau only."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import below, given
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tundish_platform.sdk.calls.series_answers import (
        DeclaredFigures,
        External,
        ExternalCount,
        FunnelCell,
        ReportIssue,
        ReportWhole,
        Series,
        StagedEnterprise,
        StalledOne,
        StalledStep,
        TargetStanding,
        TargetVersion,
    )


class SeriesCalls(Transport):
    """What the bureau sees of many months, and what its officers enter."""

    def programme_series(self, rule: str | None = None) -> Series:
        """Stages by month, county, industry and park, with the projection to the end of the year."""
        found: Series = self._json("GET", "/programme/series", params=given(rule=rule))
        return found

    def county_industries(self, region: str, rule: str | None = None) -> list[FunnelCell]:
        """Stages by industry within a county, of the newest month; cells of few are withheld."""
        found: list[FunnelCell] = self._json(
            "GET", "/programme/series/industries", params=given(region=region, rule=rule)
        )
        return found

    def staged_enterprises(
        self, region: str = "", industry: str = "", rule: str | None = None
    ) -> Iterator[StagedEnterprise]:
        """Enterprises with their stage at the end of the newest frozen month, fetched page by page."""
        asked = given(region=region or None, industry=industry or None, rule=rule)
        return self._every("/programme/series/enterprises", asked)

    def stalled(self, months: int = 6, rule: str | None = None, **scope: str) -> Iterator[StalledOne]:
        """Enterprises that have not moved for so many months, fetched page by page.

        Args:
            months: without a move.
            rule: version of the rules.
            scope: ``region``, ``industry``, ``park``.
        """
        return self._every("/programme/stalled", given(months=months, rule=rule, **scope))

    def stalled_steps(self, months: int = 6, rule: str | None = None, **scope: str) -> list[StalledStep]:
        """How many stalled enterprises each condition keeps out of its stage; `scope` as in `stalled`."""
        params = given(months=months, rule=rule, **scope)
        found: list[StalledStep] = self._json("GET", "/programme/stalled/steps", params=params)
        return found

    def targets(self, year: int | None = None, rule: str | None = None) -> Iterator[TargetStanding]:
        """Targets in force, how far each is met, and what is projected for the end of its year."""
        return self._every("/programme/targets", given(year=year, rule=rule))

    def set_target(self, target: Mapping[str, Any]) -> TargetVersion:
        """Enter a target (`year, stage, kind, region, industry, park, value, source`); a person only."""
        made: TargetVersion = self._json("POST", "/programme/targets/versions", json=dict(target))
        return made

    def target_versions(self, number: int) -> Iterator[TargetVersion]:
        """All versions of what a target says, the oldest first."""
        return self._every(below("programme", "targets", number, "versions"))

    def programme_reports(self, month: str | None = None) -> Iterator[ReportIssue]:
        """Issued monthly reports, of one month or of all, fetched page by page."""
        return self._every("/programme/reports", given(month=month))

    def issue_programme_report(self, month: str, reason: str = "", rule: str | None = None) -> ReportIssue:
        """Count and issue a frozen month's report, again with a reason; an officer in person."""
        body = {"month": month, "reason": reason} | ({"rule": rule} if rule else {})
        made: ReportIssue = self._json("POST", "/programme/reports", json=body)
        return made

    def programme_report(self, number: int) -> ReportWhole:
        """A report with every number that its files show."""
        found: ReportWhole = self._json("GET", below("programme", "reports", number))
        return found

    def save_programme_report(self, number: int, file: Path, form: str = "xlsx", language: str = "zh") -> int:
        """Write a report to an Excel, Word (``docx``) or PDF file; returns its bytes."""
        path = below("programme", "reports", number, "file")
        return self._save(path, given(format=form, language=language), file)

    def declared_figures(self) -> DeclaredFigures:
        """Figures that cities published; they are added to nothing that is measured."""
        found: DeclaredFigures = self._json("GET", "/programme/declared")
        return found

    def external_counts(self) -> list[ExternalCount]:
        """Enterprises by kind of external fact, apart from every measured figure."""
        return self._list("/programme/external")

    def external_facts(self, uscc: str) -> Iterator[External]:
        """All external facts of an enterprise, those withdrawn among them."""
        return self._every(below("programme", "enterprises", uscc, "external"))

    def enter_external(self, uscc: str, fact: Mapping[str, Any], document: bytes) -> External:
        """Enter an external fact with its document (PDF, PNG or JPEG, at most 5 MB); a person only."""
        sent = dict(fact) | {"document": base64.b64encode(document).decode()}
        path = below("programme", "enterprises", uscc, "external", "entries")
        made: External = self._json("POST", path, json=sent)
        return made

    def withdraw_external(self, number: int, reason: str) -> External:
        """Withdraw an external fact; it stays on record with the reason; a person only."""
        path = below("programme", "external", number, "withdrawal")
        found: External = self._json("POST", path, json={"reason": reason})
        return found

    def save_external(self, file: Path) -> int:
        """Write all external facts as a table, .xlsx or .csv by the file's name; returns bytes."""
        kind = "csv" if file.suffix == ".csv" else "xlsx"
        return self._save("/programme/external/sheet", {"format": kind}, file)

    def save_external_document(self, number: int, file: Path) -> int:
        """Write the document behind an external fact; returns bytes. See `Client.export`."""
        return self._save(below("programme", "external", number, "document"), {}, file)
