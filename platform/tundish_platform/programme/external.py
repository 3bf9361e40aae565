"""External facts: certificates, prizes and cloud use elsewhere, entered by an officer with the document.

They are counted apart and never make a stage. What was entered is not changed but withdrawn with a reason.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, or_, select

from tundish_platform.audit import record
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.series.models import ExternalFact
from tundish_platform.samples.sheets import write_sheet

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_BYTES: Final = 5 * 1024 * 1024
# By their first bytes: what a file says of itself, not what its name does.
_TYPES: Final = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
_COLUMNS: Final = {
    "kind": "类别", "name": "名称", "number": "编号", "issuer": "颁发单位", "issued_on": "颁发日期",
    "valid_until": "有效期至", "file_name": "文件", "digest": "文件SHA-256", "entered_by": "录入人",
    "entered_at": "录入时间", "withdrawn_at": "撤销时间", "withdrawn_by": "撤销人",
    "withdrawn_because": "撤销原因",
}  # fmt: skip
_CLEAN = r"^[^\x00-\x1f]*$"
_Line = Annotated[str, Field(min_length=1, max_length=200, pattern=_CLEAN)]


class Kind(StrEnum):
    """What a document attests."""

    INTEGRATION_PILOT = "integration_pilot"
    INTEGRATION_CERTIFIED = "integration_certified"
    BENCHMARK_HONOUR = "benchmark_honour"
    SMART_MANUFACTURING = "smart_manufacturing"
    SPECIALISED = "specialised"
    CLOUD_ELSEWHERE = "cloud_elsewhere"
    OTHER = "other"


class ExternalRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The fact cannot be kept or withdrawn so.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class ExternalSpec(BaseModel):
    """What an officer enters beside the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    name: _Line
    number: Annotated[str, Field(max_length=100, pattern=_CLEAN)] = ""
    issuer: _Line
    issued_on: date
    valid_until: date | None = None
    file_name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]*$")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.issued_on:
            raise ValueError("valid_until lies before issued_on")
        return self


@dataclass(frozen=True, slots=True)
class ExternalCount:
    """Enterprises with a standing fact of a kind: in force on a day, and of those that were ever entered."""

    kind: Kind
    in_force: int
    ever: int


def enter(
    session: Session, enterprise: Enterprise, spec: ExternalSpec, document: bytes, officer: str, now: datetime
) -> ExternalFact:
    """Keep a fact with its document.

    Raises:
        ExternalRefused: the file is empty, too large or no document, issued in the future, or stands.
    """
    media = _media_type(document)
    digest = hashlib.sha256(document).hexdigest()
    if spec.issued_on > now.date():
        raise ExternalRefused(
            "发证日期晚于今天。请核对。", "The document is issued in the future. Check the date."
        )
    same = select(ExternalFact.id).where(
        ExternalFact.enterprise_id == enterprise.id, ExternalFact.digest == digest,
        ExternalFact.kind == spec.kind, ExternalFact.withdrawn_at.is_(None),
    )  # fmt: skip
    if session.scalar(same) is not None:
        raise ExternalRefused(
            "该企业已登记过这份文件。", "This document is entered for that enterprise already."
        )
    made = ExternalFact(
        enterprise_id=enterprise.id, **spec.model_dump(mode="python"), media_type=media, size=len(document),
        digest=digest, document=document, entered_by=officer, entered_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    detail = spec.model_dump(mode="json") | {"digest": digest, "uscc": enterprise.uscc}
    record(session, officer, "external.entered", f"external/{made.id}", now=now, detail=detail)
    return made


def withdraw(session: Session, number: int, reason: str, officer: str, now: datetime) -> ExternalFact:
    """Take a fact back; it stays on record with its document.

    Raises:
        ExternalRefused: there is no such standing fact, or no reason is given.
    """
    found = session.get(ExternalFact, number)
    if found is None or found.withdrawn_at is not None:
        raise ExternalRefused("没有该条有效记录。", "There is no such standing fact.")
    if not reason.strip():
        raise ExternalRefused("请填写撤销原因。", "Say why it is withdrawn.")
    found.withdrawn_at, found.withdrawn_by, found.withdrawn_because = now, officer, reason.strip()
    session.flush()
    subject, detail = f"external/{number}", {"reason": found.withdrawn_because}
    record(session, officer, "external.withdrawn", subject, now=now, detail=detail)
    return found


def facts_of(session: Session, enterprise: Enterprise) -> list[ExternalFact]:
    """All facts of an enterprise with those withdrawn, in the order in which they were entered."""
    query = select(ExternalFact).where(ExternalFact.enterprise_id == enterprise.id)
    return list(session.scalars(query.order_by(ExternalFact.id)))


def counts(session: Session, day: date) -> list[ExternalCount]:
    """By kind, how many enterprises have a fact: apart from every figure that is measured."""
    enterprises = func.count(ExternalFact.enterprise_id.distinct())
    standing = (
        select(ExternalFact.kind, enterprises)
        .where(ExternalFact.withdrawn_at.is_(None))
        .group_by(ExternalFact.kind)
    )
    valid = or_(ExternalFact.valid_until.is_(None), ExternalFact.valid_until >= day)
    ever = dict(session.execute(standing).all())
    now = standing.where(valid, ExternalFact.issued_on <= day)
    in_force = dict(session.execute(now).all())
    return [ExternalCount(kind, in_force.get(kind, 0), ever.get(kind, 0)) for kind in Kind]


def external_sheet(session: Session, *, excel: bool) -> bytes:
    """All facts of all enterprises as a file, those withdrawn among them; the documents stay here."""
    query = (
        select(Enterprise.uscc, Enterprise.name_zh, ExternalFact)
        .join(Enterprise, Enterprise.id == ExternalFact.enterprise_id)
        .order_by(Enterprise.uscc, ExternalFact.id)
    )
    rows = (
        [uscc, name, *(_cell(fact, column) for column in _COLUMNS)]
        for uscc, name, fact in session.execute(query)
    )
    return write_sheet(["统一社会信用代码", "企业名称", *_COLUMNS.values()], rows, "外部事实", excel=excel)


def _cell(fact: ExternalFact, column: str) -> object:
    value = getattr(fact, column)
    return value.isoformat() if isinstance(value, date) else value


def _media_type(document: bytes) -> str:
    if not 0 < len(document) <= MOST_BYTES:
        raise ExternalRefused(
            "文件为空或超过5 MB。请压缩后再上传。", "The file is empty or larger than 5 MB. Make it smaller."
        )
    for start, media in _TYPES.items():
        if document.startswith(start):
            return media
    raise ExternalRefused(
        "只接受PDF、PNG或JPEG文件。请转换后再上传。",
        "Only PDF, PNG and JPEG are taken. Convert the file first.",
    )
