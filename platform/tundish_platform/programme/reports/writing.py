"""Writes an issued report as Excel, Word or PDF: the same report gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, assert_never

from tundish_platform.documents import Document, Grid, docx_of, pdf_of, table_of, xlsx_of
from tundish_platform.programme.reports import annexes, sections
from tundish_platform.programme.reports.issuing import said_in
from tundish_platform.programme.reports.words import Words
from tundish_platform.programme.series.months import bounds

if TYPE_CHECKING:
    from tundish_platform.documents import Sheet
    from tundish_platform.programme.reports.models import IssuedReport
    from tundish_platform.programme.reports.words import Language

Form = Literal["xlsx", "docx", "pdf"]
FORMS: Final[tuple[Form, ...]] = ("xlsx", "docx", "pdf")
MEDIA_TYPES: Final[dict[Form, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}
_SHORT: Final = 16


@dataclass(frozen=True, slots=True)
class Issue:
    """What stands on a report beside its content."""

    month: str
    number: int
    by: str
    reason: str
    digest: str

    @classmethod
    def of(cls, made: IssuedReport) -> Issue:
        """That of a kept report."""
        return cls(made.month, made.issue, made.issued_by, made.reason, made.digest)


def report_file(made: IssuedReport, form: Form, language: Language) -> bytes:
    """An issued report as a file.

    Raises:
        FontsMissing: a PDF is wanted, and no font for Chinese text is installed here.
    """
    w, issue = Words(language), Issue.of(made)
    parts = report_sections(made, language)
    source = w("source", month=issue.month, digest=issue.digest[:_SHORT])
    moment = bounds(issue.month)[1]
    title = f"{w('title')} {issue.month}"
    match form:
        case "xlsx":
            log = annexes.log_sheet(w, said_in(made))
            return xlsx_of((*parts, log) if log else parts, title, source, moment)
        case "docx":
            return docx_of(_document(made, parts, w))
        case "pdf":
            return pdf_of(_document(made, parts, w))
        case _:
            assert_never(form)


def report_sections(made: IssuedReport, language: Language) -> tuple[Sheet, ...]:
    """The report's sections in their order."""
    w, content, issue = Words(language), said_in(made), Issue.of(made)
    return (
        sections.summary(w, content, issue.number, issue.reason),
        sections.funnel(w, content),
        sections.trend(w, content),
        sections.cells(w, content, "regions", content.by_region, "county"),
        sections.cells(w, content, "industries", content.by_industry, "industry"),
        sections.cells(w, content, "sizes", content.by_size, "size"),
        sections.targets(w, content),
        sections.moves(w, content),
        annexes.apps(w, content),
        annexes.vouchers(w, content),
        annexes.external(w, content),
        annexes.declared(w, content),
        annexes.method(w, content, issue.by, issue.digest),
    )


def file_name(made: IssuedReport, form: Form, language: Language) -> str:
    """A name that says month, issue and language."""
    return f"programme-{made.month}-{made.issue}-{language}.{form}"


def _document(made: IssuedReport, parts: tuple[Sheet, ...], w: Words) -> Document:
    issue, content = Issue.of(made), said_in(made)
    blocks = tuple(
        table_of(block) if isinstance(block, Grid) else block for part in parts for block in part.blocks
    )
    return Document(
        title=f"{w('title')} {issue.month}", language=w.language, blocks=blocks,
        source=w("source", month=issue.month, digest=issue.digest[:_SHORT]),
        moment=bounds(issue.month)[1], moment_text=w("moment", month=issue.month),
        subtitle=w(
            "of_month", month=issue.month, issue=issue.number, rule=content.rule_version,
            name=w.of(content.rule_name),
        ),
        landscape=True,
    )  # fmt: skip
