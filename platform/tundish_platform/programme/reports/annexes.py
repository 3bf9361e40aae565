"""The report's further sections: apps, vouchers, what others said, and how to verify it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.documents import Facts, Grid, GridColumn, Heading, Kind, Paragraph, Sheet
from tundish_platform.programme.register.codes import county_names, industry_names
from tundish_platform.programme.reports.counting import texts
from tundish_platform.programme.reports.sections import names, section, small, text_column
from tundish_platform.programme.series.months import CLOCK, shifted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_platform.documents.grids import Value
    from tundish_platform.documents.workbook import SheetBlock
    from tundish_platform.programme.published import Figure
    from tundish_platform.programme.reports.content import DeclaredLine, ReportContent, VoucherSum
    from tundish_platform.programme.reports.words import Words


def apps(w: Words, content: ReportContent) -> Sheet:
    """Who used apps, and which."""
    found, hidden = content.apps, w("withheld")
    whole = content.newest.enterprises
    rows = tuple(
        (w(key), n, n / whole if whole else None)
        for key, n in (("subscribed", found.subscribed), ("used_one", found.one), ("used_three", found.three))
    )
    columns = text_column(w("moved"), 3), GridColumn(w("number")), GridColumn(w("share"), Kind.SHARE)
    counted = Grid(columns, rows, w("apps_title"))
    if not found.by_app:
        return section(w, "apps", counted, Paragraph(w("no_apps")))
    used = tuple(
        (w.of(one.name), one.app, hidden if one.enterprises is None else one.enterprises)
        for one in found.by_app
    )
    heads = text_column(w("app"), 3), text_column(w("code"), 2), GridColumn(w("number"))
    return section(w, "apps", counted, Grid(heads, used, w("by_app")), small(w("withheld_note")))


def vouchers(w: Words, content: ReportContent) -> Sheet:
    """Sums by county."""
    found = content.vouchers
    rows = tuple(_voucher(w, one) for one in (*found.by_region, found.total))
    money = [GridColumn(w(key), Kind.MONEY) for key in ("issued", "redeemed", "expired")]
    columns = text_column(w("county"), 2.4), GridColumn(w("holders")), *money
    return section(
        w, "vouchers", Paragraph(w("vouchers_on", day=found.on.isoformat())),
        Grid(columns, rows, total=True), small(w("withheld_note")),
    )  # fmt: skip


def _voucher(w: Words, one: VoucherSum) -> tuple[Value, ...]:
    name = w.of(one.name) if one.name else w("total")
    if one.enterprises is None:
        return (name, *[w("withheld")] * 4)
    sums = (one.issued_fen, one.redeemed_fen, one.expired_fen)
    return name, one.enterprises, *(None if fen is None else fen / 100 for fen in sums)


def external(w: Words, content: ReportContent) -> Sheet:
    """What documents attest, apart from every stage."""
    rows = tuple((w(f"external_{one.kind}"), one.in_force, one.ever) for one in content.external)
    columns = text_column(w("external_kind"), 3), GridColumn(w("in_force")), GridColumn(w("in_all"))
    return section(w, "external", Paragraph(w("external_note"), "notice"), Grid(columns, rows))


def declared(w: Words, content: ReportContent) -> Sheet:
    """What cities declared, in a section of its own."""
    rows = tuple(
        (w.of(one.name), one.key, _declared(w, one), f"{one.since} – {one.as_of}" if one.since else one.as_of,
         w(f"basis_{one.basis}"), w.of(one.source))
        for one in content.declared
    )  # fmt: skip
    columns = (
        text_column(w("figure"), 2), text_column(w("code"), 2), GridColumn(w("declared_value")),
        text_column(w("as_of"), 1.2), text_column(w("basis"), 0.8), text_column(w("document"), 2.6),
    )  # fmt: skip
    return section(w, "declared", Paragraph(w("declared_note"), "notice"), Grid(columns, rows))


def _declared(w: Words, one: DeclaredLine) -> str:
    unit = w("unit_enterprise") if one.unit == "enterprise" else one.unit
    return f"{w(f'bound_{one.bound}')}{one.value:,.10g} {unit}"


def method(w: Words, content: ReportContent, issued_by: str, digest: str) -> Sheet:
    """Rules, moments and digests, and the published figures by number."""
    called = names(w, content)
    conditions = tuple(
        (called[stage.key], w.of(condition), stage.windows)
        for stage in content.stages
        for condition in stage.conditions
    )
    columns = text_column(w("stage"), 1.2), text_column(w("condition"), 4), GridColumn(w("windows"))
    first = shifted(content.month, 1 - content.months_used)
    facts = Facts(
        (
            (w("facts_frozen"), w("facts_frozen_n", first=first, last=content.month, n=content.months_used)),
            (w("facts_digest"), content.facts_digest),
            (w("report_digest"), digest),
            (w("counted_at"), clock(content.counted_at)),
            (w("issued_by"), issued_by),
            (w("levels"), f"{content.level:.0%}"),
            (w("suppression"), w("suppression_words")),
        )
    )
    rules = Grid(columns, conditions, w("rule_title", rule=content.rule_version))
    heading = section(w, "method")
    return Sheet(heading.name, (*heading.blocks, facts, rules, *_log(w, content)))


def _log(w: Words, content: ReportContent) -> tuple[SheetBlock, ...]:
    found = content.published
    heading = Heading(w("log_title"), 2)
    if found is None:
        return heading, Paragraph(w("log_none"))
    facts = Facts(
        (
            (w("log_size"), f"{found.head.size:,}"),
            (w("log_root"), found.head.root),
            (w("log_at"), clock(found.head.at)),
            (w("log_key"), found.key),
        )
    )
    return heading, Paragraph(w("log_words"), "small"), facts, _by_cell(w, content, found.figures)


def _by_cell(w: Words, content: ReportContent, figures: Sequence[Figure]) -> Grid:
    """A row for each cell: value and number of each stage's figure."""
    called = names(w, content)
    by_cell: dict[tuple[str, str], dict[str, Figure]] = {}
    for one in figures:
        _, stage, basis = one.name.split(".")
        by_cell.setdefault((_cell(w, one), basis), {})[stage] = one
    rows = tuple(
        (cell, w(basis), *(_numbered(w, told.get(stage)) for stage in called))
        for (cell, basis), told in by_cell.items()
    )
    heads = (GridColumn(name) for name in called.values())
    moments = ", ".join(sorted({f"{one.rule_version} {clock(one.moment)}" for one in figures}))
    title = w("log_by_cell", moment=moments)
    return Grid((text_column(w("log_cell"), 2), text_column(w("counts"), 1.2), *heads), rows, title)


def _numbered(w: Words, one: Figure | None) -> str:
    if one is None or one.value is None:
        return w("withheld")
    return f"{'' if one.exact else '≈ '}{one.value:,} (#{one.number})"


def log_sheet(w: Words, content: ReportContent) -> Sheet | None:
    """The published figures as rows of a workbook, each with its number; None where there are none."""
    if content.published is None:
        return None
    columns = (
        GridColumn(w("log_number")), text_column(w("log_name")), text_column(w("log_cell")),
        GridColumn(w("log_value")), text_column(w("log_exact")), text_column(w("rule")),
        text_column(w("log_moment")),
    )  # fmt: skip
    rows = tuple(
        (one.number, one.name, _cell(w, one), w("withheld") if one.value is None else one.value,
         w("yes") if one.exact else w("no"), one.rule_version, clock(one.moment))
        for one in content.published.figures
    )  # fmt: skip
    return Sheet(w("log_sheet"), (Heading(w("log_title")), Paragraph(w("log_words")), Grid(columns, rows)))


def _cell(w: Words, one: Figure) -> str:
    if one.region:
        return f"{one.region} {w.of(texts(county_names(one.region)))}"
    if one.industry:
        return f"{one.industry} {w.of(texts(industry_names(one.industry)))}"
    return w("all")


def clock(moment: datetime) -> str:
    """A moment as the bureau's clock shows it."""
    return f"{moment.astimezone(CLOCK):%Y-%m-%d %H:%M}"
