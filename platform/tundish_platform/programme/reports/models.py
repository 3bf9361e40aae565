"""The table of issued reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, UtcDateTime


class IssuedReport(Base):
    """What a month's report says; files are made of it and of nothing else, so they never change.

    Attributes:
        month: like ``2026-02``.
        issue: 1, 2, … of the same month; a later one takes the place of the one before and says why.
        digest: SHA-256 of `text`.
        text: `content.ReportContent` as canonical JSON.
    """

    __tablename__ = "programme_report"
    __table_args__ = (UniqueConstraint("month", "issue", name="programme_report_issue_unique"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    issue: Mapped[int]
    rule_version: Mapped[str] = mapped_column(String(40))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(400))
    digest: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text, deferred=True)
