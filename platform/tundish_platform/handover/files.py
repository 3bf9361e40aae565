"""A shift's report as blocks, as a PDF on A4, as an Excel workbook, and as a mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tundish_platform.documents import (
    Document,
    FontsMissing,
    Grid,
    Heading,
    Paragraph,
    Sheet,
    pdf_of,
    table_of,
    xlsx_of,
)
from tundish_platform.handover import sections
from tundish_platform.handover.mailing import MAX_ATTACHED, Attachment
from tundish_platform.handover.notes import carried_into, notes_of
from tundish_platform.handover.words import Language, Words
from tundish_platform.tenancy.accounts import tenant_of_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.documents import Block
    from tundish_platform.documents.workbook import SheetBlock
    from tundish_platform.handover.editions import Edition, EditionView
    from tundish_platform.handover.facts import HandoverFacts
    from tundish_platform.handover.notes import NoteView
    from tundish_platform.tenancy import TenantScope

MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMS: Final = tuple(MEDIA_TYPES)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report shows: what was measured, and what people say by now.

    Attributes:
        edition: which; None for a look at a shift that was not reported on yet.
        at: when the notes were read.
    """

    tenant_zh: str
    tenant_en: str
    facts: HandoverFacts
    edition: EditionView | None
    said: Sequence[NoteView]
    carried: Sequence[NoteView]
    at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes out by mail."""

    subject: str
    text: str
    files: tuple[Attachment, ...]


def report_of(
    session: Session, scope: TenantScope, facts: HandoverFacts, edition: EditionView | None, at: datetime
) -> Report:
    """A report with the notes that people wrote up to now.

    Raises:
        AccessDenied: the scope may not read there.
    """
    tenant = tenant_of_scope(session, scope)
    shift = facts.shift
    return Report(
        tenant.name_zh, tenant.name_en, facts, edition,
        notes_of(session, scope, facts.path, shift.starts_at),
        carried_into(session, scope, facts.path, shift.starts_at, shift.ends_at), at,
    )  # fmt: skip


def words_of(facts: HandoverFacts, language: Language) -> Words:
    """The report's words, with times in the place's zone."""
    return Words(language, ZoneInfo(facts.zone))


def heads(report: Report, w: Words) -> tuple[str, str]:
    """Title and subtitle."""
    facts, shift = report.facts, report.facts.shift
    subtitle = w(
        "subtitle", tenant=w.of(report.tenant_zh, report.tenant_en), day=shift.production_date,
        shift=w.of(shift.name_zh, shift.name_en), start=w.minute(shift.starts_at),
        end=w.minute(shift.ends_at), zone=facts.zone,
    )  # fmt: skip
    return w("title", place=w.of(facts.name_zh, facts.name_en)), subtitle


def measured(report: Report, w: Words) -> list[SheetBlock]:
    """What the report says of the shift, without what people wrote."""
    facts = report.facts
    parts = (
        sections.overview, sections.stops, sections.alarms, sections.alerts, sections.quality,
        sections.energy, sections.data,
    )  # fmt: skip
    return [*_standing(report, w), *(block for part in parts for block in part(w, facts))]


def shown(blocks: Sequence[SheetBlock]) -> list[Block]:
    """The same with values as texts."""
    return [table_of(block) if isinstance(block, Grid) else block for block in blocks]


def report_file(report: Report, form: str, language: Language) -> bytes:
    """The report as a file of one of `FORMS`; the same report gives the same bytes.

    Raises:
        FontsMissing: a PDF, and no font for Chinese text is installed here.
    """
    w = words_of(report.facts, language)
    return _pdf(report, w) if form == "pdf" else _workbook(report, w)


def file_name(report: Report, form: str, language: Language) -> str:
    """Such as ``handover-LG-Site_HotRolling_HSM1-2026-03-01-day-1-zh.pdf``."""
    place = _UNSAFE.sub("_", report.facts.path)[:80]
    shift = report.facts.shift
    number = report.edition.number if report.edition else 0
    return f"handover-{place}-{shift.production_date}-{shift.code}-{number}-{language}.{form}"


def mail_of(session: Session, scope: TenantScope, edition: Edition, language: Language) -> Letter:
    """The mail about an edition; too big a file stays behind, and the text says so."""
    report = report_of(session, scope, edition.facts, edition.view, datetime.now(UTC))
    facts, w = edition.facts, words_of(edition.facts, language)
    title, subtitle = heads(report, w)
    files, told = _attached(report, w)
    lines = [
        w(
            "mail_line", line=w.of(line.name_zh, line.name_en), oee=sections.ratio(w, line.oee),
            total=w.count(line.counts.total), stops=line.stop_count,
            target=w("no_plan_value") if line.counts.target is None else w.count(line.counts.target),
        )
        for line in facts.lines
    ]  # fmt: skip
    active = sum(one.active for one in facts.alarms)
    standing = [w("corrected", n=edition.view.number)] if edition.view.number > 1 else []
    waiting = [one for one in (*report.carried, *report.said) if one.point and one.closed_at is None]
    text = [
        title, subtitle, *standing, "", *lines,
        w("mail_alarms", n=facts.alarm_count, active=active, alerts=facts.alert_count),
        w("mail_points", n=len(waiting)), *(f"- {one.text}" for one in waiting), "", told,
    ]  # fmt: skip
    key = "mail_corrected" if edition.view.number > 1 else "mail_subject"
    shift = facts.shift
    subject = w(
        key, place=w.of(facts.name_zh, facts.name_en), day=shift.production_date,
        shift=w.of(shift.name_zh, shift.name_en), n=edition.view.number,
    )  # fmt: skip
    # A name with a line break in it must not become a header of its own.
    return Letter(" ".join(subject.split()), "\n".join(text), files)


def _attached(report: Report, w: Words) -> tuple[tuple[Attachment, ...], str]:
    told, files = w("mail_files"), []
    for form in FORMS:
        try:
            content = report_file(report, form, w.language)
        except FontsMissing:
            told = w("mail_no_pdf")
            continue
        files.append(Attachment(file_name(report, form, w.language), MEDIA_TYPES[form], content))
    if sum(len(file.content) for file in files) > MAX_ATTACHED:
        return (), w("mail_too_big")
    return tuple(files), told


def _standing(report: Report, w: Words) -> list[SheetBlock]:
    """What has to be known of the report before its figures."""
    facts, blocks = report.facts, []
    if facts.until < facts.shift.ends_at:
        blocks.append(Paragraph(w("running", until=w.minute(facts.until)), "notice"))
    elif report.edition is None:
        blocks.append(Paragraph(w("preview"), "notice"))
    elif report.edition.number > 1:
        blocks.append(Paragraph(w("corrected", n=report.edition.number), "warning"))
    return [*blocks]


def _people(report: Report, w: Words) -> list[SheetBlock]:
    as_of = Paragraph(w("notes_as_of", at=w.minute(report.at)), "small")
    return [*sections.notes(w, report.said), *sections.points(w, report.carried), as_of]


def _pdf(report: Report, w: Words) -> bytes:
    title, subtitle = heads(report, w)
    facts, edition = report.facts, report.edition
    moment = edition.made_at if edition else report.at
    number = [w("edition", n=edition.number)] if edition else []
    digest = edition.digest if edition else facts.digest
    return pdf_of(
        Document(
            title, w.language,
            (*shown(measured(report, w)), *shown(_people(report, w)), Paragraph(w("sign"))),
            w("source", path=facts.path, digest=digest[:12]), moment,
            " · ".join([*number, w("made_at", at=w.minute(moment))]), subtitle, landscape=False,
        )
    )  # fmt: skip


def _workbook(report: Report, w: Words) -> bytes:
    title, subtitle = heads(report, w)
    facts, edition = report.facts, report.edition
    top: list[SheetBlock] = [Heading(title), Paragraph(subtitle), *_standing(report, w)]
    if edition is not None:
        words = f"{w('edition', n=edition.number)} · {w('made_at', at=w.minute(edition.made_at))}"
        top.append(Paragraph(words))
    sheets = [
        Sheet(w("sheet_overview"), (*top, *sections.overview(w, facts), *sections.energy(w, facts))),
        Sheet(w("sheet_stops"), tuple(sections.stops(w, facts))),
        Sheet(w("sheet_alarms"), tuple(sections.alarms(w, facts))),
        Sheet(w("sheet_alerts"), tuple(sections.alerts(w, facts))),
        Sheet(w("sheet_quality"), tuple(sections.quality(w, facts))),
        Sheet(w("sheet_data"), tuple(sections.data(w, facts))),
        Sheet(w("sheet_notes"), tuple(_people(report, w))),
    ]
    source = w("source", path=facts.path, digest=(edition.digest if edition else facts.digest)[:12])
    return xlsx_of(sheets, title, source, edition.made_at if edition else report.at)
