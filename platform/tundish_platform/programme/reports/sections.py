"""The report's sections from its content: what is counted, by stage, cell, target and move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.documents import Chart, ChartSeries, Grid, GridColumn, Heading, Kind, Paragraph, Sheet
from tundish_platform.documents.grids import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tundish_platform.documents.grids import Value
    from tundish_platform.programme.reports.content import ReportCell, ReportContent, ReportTarget
    from tundish_platform.programme.reports.words import Words

_YEAR: Final = 12


def text_column(name: str, share: float = 1.0) -> GridColumn:
    """A column of words."""
    return GridColumn(name, Kind.TEXT, share)


def section(w: Words, key: str, *blocks: Heading | Paragraph | Grid | Chart) -> Sheet:
    """A section under its heading; its sheet is named without the number before it."""
    heading = w(key)
    name = heading.partition("、" if w.language == "zh" else " ")[2]
    return Sheet(name, (Heading(heading), *blocks))


def small(text: str) -> Paragraph:
    """A note below a table."""
    return Paragraph(text, "small")


def names(w: Words, content: ReportContent) -> dict[str, str]:
    """Names of the stages by key."""
    return {stage.key: w.of(stage.name) for stage in content.stages}


def summary(w: Words, content: ReportContent, issue: int, reason: str) -> Sheet:
    """The month in words with its numbers."""
    blocks: list[Paragraph] = []
    if content.simulated:
        blocks.append(Paragraph(w("simulated"), "warning"))
    if content.demo_enterprises:
        blocks.append(Paragraph(w("demo", n=f"{content.demo_enterprises:,}"), "notice"))
    if reason:
        blocks.append(Paragraph(w("reissue", before=issue - 1, reason=reason), "notice"))
    blocks += [Paragraph(said) for said in _said(w, content)]
    return section(w, "summary", *blocks)


def _said(w: Words, content: ReportContent) -> list[str]:
    now, called = content.newest, names(w, content)
    stages = [
        w(
            "sum_stage",
            stage=name,
            n=f"{now.current[key]:,}",
            share=_percent(now.current[key], now.enterprises),
        )
        for key, name in called.items()
    ]
    register = w("sum_register", month=content.month, n=f"{now.enterprises:,}")
    said = [register + w("semicolon") + w("comma").join(stages) + w("stop")]
    said += [
        w("sum_new", stage=name, n=f"{now.new[key]:,}", ever=f"{now.ever[key]:,}")
        for key, name in called.items()
    ]
    if content.moves is not None:
        moved = content.moves.model_dump(include={"up", "down", "joined", "left"})
        said.append(w("sum_moves", **{name: f"{n:,}" for name, n in moved.items()}))
    stalled = content.stalled
    said.append(w("sum_stalled", months=stalled.months, n=f"{stalled.enterprises:,}"))
    said += [
        _of_target(w, content, one, called) for one in content.targets if not one.suppressed and _city(one)
    ]
    said.append(w("sum_apps", one=f"{content.apps.one:,}", three=f"{content.apps.three:,}"))
    return said


def _city(one: ReportTarget) -> bool:
    return one.place is None and one.actual is not None


def _of_target(w: Words, content: ReportContent, one: ReportTarget, called: Mapping[str, str]) -> str:
    said = w(
        "sum_target", year=content.month[:4], stage=called[one.stage], kind=w(f"kind_{one.kind}"),
        value=f"{one.value:,}", actual=f"{one.actual:,}", share=shown(one.completion, Kind.SHARE),
    )  # fmt: skip
    if one.middle is None:
        return said + w("stop")
    end = w("sum_target_end", middle=f"{one.middle:,}", low=f"{one.low:,}", high=f"{one.high:,}")
    return said + w("semicolon") + end


def _percent(part: int, whole: int) -> str:
    return shown(part / whole if whole else None, Kind.SHARE)


def funnel(w: Words, content: ReportContent) -> Sheet:
    """Each stage at the month's end, beside the month and the year before."""
    now, called = content.newest, names(w, content)
    by_month = {row.month: row for row in content.months}
    before = content.months[-2] if len(content.months) > 1 else None
    year = by_month.get(f"{int(content.month[:4]) - 1}{content.month[4:]}")
    rows: list[tuple[Value, ...]] = []
    for key, name in called.items():
        n = now.current[key]
        earlier = before.current[key] if before else None
        moved = content.moves
        rows.append(
            (name, n, n / now.enterprises if now.enterprises else None, earlier,
             None if earlier is None else n - earlier, year.current[key] if year else None, now.new[key],
             now.ever[key], moved.gained[key] if moved else None, moved.lost[key] if moved else None)
        )  # fmt: skip
    columns = (
        text_column(w("stage"), 1.5), GridColumn(w("current")), GridColumn(w("share"), Kind.SHARE, 1.2),
        *(GridColumn(w(key)) for key in ("before", "change", "year_before", "new", "ever", "gained", "lost")),
    )  # fmt: skip
    return section(w, "funnel", Grid(columns, tuple(rows)))


def trend(w: Words, content: ReportContent) -> Sheet:
    """The months as a table, and as a chart."""
    called = names(w, content)
    keys = list(called)
    rows: list[tuple[Value, ...]] = [
        (row.month, row.enterprises, *(row.current[key] for key in keys)) for row in content.months
    ]
    columns = (text_column(w("month")), GridColumn(w("register")), *(GridColumn(called[key]) for key in keys))
    lines = tuple(
        ChartSeries(called[key], tuple(float(row.current[key]) for row in content.months)) for key in keys
    )
    labels = tuple(row.month for row in content.months)
    return section(w, "trend", Grid(columns, tuple(rows)), Chart(w("current"), labels, lines, unit=w("unit")))


def cells(w: Words, content: ReportContent, key: str, found: Sequence[ReportCell], head: str) -> Sheet:
    """Stages by county, industry or size, and the city below."""
    called, hidden, now = names(w, content), w("withheld"), content.newest
    rows: list[tuple[Value, ...]] = []
    for one in found:
        shut = one.current is None or one.new is None
        counts = [hidden if one.current is None else one.current[stage] for stage in called]
        new = [hidden if one.new is None else one.new[stage] for stage in called]
        rows.append((one.key, w.of(one.name), hidden if shut else one.enterprises, *counts, *new))
    whole = (now.current[stage] for stage in called), (now.new[stage] for stage in called)
    rows.append((w("total"), "", now.enterprises, *whole[0], *whole[1]))
    columns = (
        text_column(w("code"), 1.2), text_column(w(head), 2.6), GridColumn(w("register"), share=1.3),
        *(GridColumn(name, share=1.45) for name in called.values()),
        *(GridColumn(f"{name} · {w('new')}", share=1.45) for name in called.values()),
    )  # fmt: skip
    return section(w, key, Grid(columns, tuple(rows), total=True), small(w("withheld_note")))


def targets(w: Words, content: ReportContent) -> Sheet:
    """Targets of the year, completion and what December may bring."""
    note = small(w("targets_note", level=shown(content.level, Kind.SHARE)))
    if not content.targets:
        return section(w, "targets", Paragraph(w("no_targets")), note)
    called, hidden = names(w, content), w("withheld")
    rows = tuple(
        (w.of(one.place) if one.place else w("all"), called[one.stage], w(f"kind_{one.kind}"), one.value,
         hidden if one.suppressed else one.actual, one.completion, one.middle,
         _interval(one.low, one.high, Kind.COUNT),
         _interval(one.completion_low, one.completion_high, Kind.SHARE), one.source)
        for one in content.targets
    )  # fmt: skip
    columns = (
        text_column(w("scope"), 1.5), text_column(w("stage"), 1.2), text_column(w("counts"), 1.3),
        GridColumn(w("value")), GridColumn(w("actual")), GridColumn(w("completion"), Kind.SHARE, 1.1),
        GridColumn(w("projected"), share=1.1), GridColumn(w("interval"), share=1.4),
        GridColumn(w("completion_interval"), share=1.8), text_column(w("document"), 2.0),
    )  # fmt: skip
    return section(w, "targets", Grid(columns, rows), note)


def _interval(low: float | None, high: float | None, kind: Kind) -> Value:
    return None if low is None or high is None else f"{shown(low, kind)} – {shown(high, kind)}"


def moves(w: Words, content: ReportContent) -> Sheet:
    """Who came, moved and left, and what keeps those who stand still."""
    moved = content.moves
    columns = text_column(w("moved"), 3), GridColumn(w("number"))
    rows = (
        () if moved is None
        else tuple((w(key), getattr(moved, key)) for key in ("joined", "left", "up", "down"))
    )  # fmt: skip
    first = Grid(columns, rows, w("moves_title")) if rows else Paragraph(w("first_month"))
    called, stalled = names(w, content), content.stalled
    steps = tuple(
        (called[step.stage], w.of(step.condition), step.enterprises)
        for step in sorted(stalled.steps, key=lambda step: -step.enterprises)
        if step.enterprises
    )
    said = Paragraph(w("sum_stalled", months=stalled.months, n=f"{stalled.enterprises:,}"))
    heads = text_column(w("stage"), 1.2), text_column(w("condition"), 4), GridColumn(w("stuck"))
    return section(w, "moves", first, said, *([Grid(heads, steps, w("stuck_title"))] if steps else []))
