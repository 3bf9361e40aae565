"""The shift hand-over: plans, editions of reports, notes and mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from tundish_platform.sdk.calls.handover_answers import (
        HandoverIssue,
        HandoverLetter,
        HandoverNotes,
        HandoverSaid,
        HandoverWhole,
        ShiftPlan,
    )


class HandoverCalls(Transport):
    """Shift plans, reports and notes."""

    def shift_plans(self, tenant: str) -> list[ShiftPlan]:
        """Shift plans of the places where the caller may read."""
        return self._list(of(tenant, "shift-plans"))

    def set_shift_plan(self, tenant: str, plan: Mapping[str, Any], version: int = 0) -> ShiftPlan:
        """Say which shifts a place has; ``version`` is that of the plan it replaces, 0 for the first."""
        body = {"plan": dict(plan), "version": version}
        kept: ShiftPlan = self._json("PUT", of(tenant, "shift-plans"), json=body)
        return kept

    def remove_shift_plan(self, tenant: str, path: str) -> None:
        """Take a place's plan away; its reports stay."""
        self._send("DELETE", of(tenant, "shift-plans"), params={"path": path})

    def handovers(self, tenant: str, path: str | None = None) -> Iterator[HandoverIssue]:
        """Editions of shift reports, of one place or of all, newest first, fetched page by page."""
        return self._every(of(tenant, "handovers"), given(path=path))

    def handover(self, tenant: str, number: int) -> HandoverWhole:
        """An edition with everything that was measured."""
        found: HandoverWhole = self._json("GET", of(tenant, "handovers", number))
        return found

    def save_handover(
        self, tenant: str, number: int, file: Path, form: Literal["pdf", "xlsx"] = "pdf",
        language: Literal["zh", "en"] = "zh",
    ) -> int:  # fmt: skip
        """Write an edition to a PDF or an Excel file; returns its bytes."""
        path = of(tenant, "handovers", number, "file")
        return self._save(path, given(format=form, language=language), file)

    def handover_notes(self, tenant: str, path: str, shift_start: datetime) -> HandoverNotes:
        """Notes of a shift, and the open points that were carried into it."""
        asked = {"path": path, "shift_start": shift_start.isoformat()}
        found: HandoverNotes = self._json("GET", of(tenant, "handover-notes"), params=asked)
        return found

    def hand_over(
        self, tenant: str, path: str, shift_start: datetime, text: str, *, point: bool = False,
        follows: int | None = None,
    ) -> HandoverSaid:  # fmt: skip
        """Hand something over to the next shift; a point stays open until somebody closes it."""
        body = {"path": path, "shift_start": shift_start.isoformat(), "text": text, "point": point}
        body |= {} if follows is None else {"follows": follows}
        kept: HandoverSaid = self._post(of(tenant, "handover-notes"), body)
        return kept

    def change_handover_note(
        self, tenant: str, number: int, text: str, *, point: bool = False
    ) -> HandoverSaid:
        """Put other words in place, until somebody takes the note over."""
        body = {"text": text, "point": point}
        kept: HandoverSaid = self._json("PUT", of(tenant, "handover-notes", number), json=body)
        return kept

    def take_over(self, tenant: str, number: int) -> HandoverSaid:
        """Acknowledge a note."""
        kept: HandoverSaid = self._post(of(tenant, "handover-notes", number, "take"))
        return kept

    def close_point(self, tenant: str, number: int) -> HandoverSaid:
        """Say that an open point is done."""
        kept: HandoverSaid = self._post(of(tenant, "handover-notes", number, "close"))
        return kept

    def handover_mails(self, tenant: str) -> Iterator[HandoverLetter]:
        """The log of mails with reports, newest first, fetched page by page."""
        return self._every(of(tenant, "handover-mails"))
