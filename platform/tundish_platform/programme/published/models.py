"""Tables of the log: publications, their figures, the heads, and what the evidence commits to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, UtcDateTime


class Publication(Base):
    """Figures that were published together.

    Attributes:
        reason: why, where it is a correction.
        evidence: root over the salted digests of the evidence.
        padding: what fills the leaves up, hexadecimal words.
    """

    __tablename__ = "publication"

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_version: Mapped[str] = mapped_column(String(40), index=True)
    moment: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(400))
    evidence: Mapped[str] = mapped_column(String(64))
    padding: Mapped[str] = mapped_column(Text)


class PublishedFigure(Base):
    """A leaf of the log; nothing changes or removes one.

    Attributes:
        text: the canonical JSON that is logged.
        leaf: its hash, hexadecimal.
    """

    __tablename__ = "published_figure"
    __table_args__ = (Index("published_figure_by_cell", "name", "region", "industry", "number"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    region: Mapped[str] = mapped_column(String(6))
    industry: Mapped[str] = mapped_column(String(5))
    text: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str] = mapped_column(String(64))


class LogHead(Base):
    """A signed head, one for each publication."""

    __tablename__ = "log_head"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    signature: Mapped[str] = mapped_column(String(128))


class EvidenceOpening(Base):
    """What one leaf of a publication's evidence commits to; for the enterprise and for auditors.

    Attributes:
        text: `entries.Opening` as JSON, with its salt.
    """

    __tablename__ = "evidence_opening"

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"), index=True)
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    text: Mapped[str] = mapped_column(Text)
