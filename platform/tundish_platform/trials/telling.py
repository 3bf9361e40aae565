"""A trial's report as blocks of a document: the page and the PDF show the very same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.documents import (
    Align,
    Chart,
    ChartSeries,
    Column,
    Document,
    Facts,
    Heading,
    Paragraph,
    Span,
    Table,
    Timeline,
    TimelineRow,
)
from tundish_platform.trials.report import MAX_LINES, Counts, TrialReport

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_platform.documents import Block
    from tundish_platform.trials.words import Words

_KNOWN: Final = ("alarm", "alert", "refuted", "stop", "planned")
_COLOURS: Final = {
    "caught": 2, "late": 4, "missed": 1, "not_tried": 0, "false": 1, "nothing": 1,
    "planned": 0, "unwatched": 0, "not_over": 0,
}  # fmt: skip
_FEN: Final = 100


def told(report: TrialReport, words: Words) -> tuple[Block, ...]:
    """The whole report from top to bottom."""
    return (
        Paragraph(words("what")),
        *_outcome(report, words),
        *_course(report, words),
        *_lists(report, words),
        *_tried(report, words),
        *_truth(report, words),
        Paragraph(words("method"), "small"),
    )


def document_of(report: TrialReport, words: Words, tenant: str, moment: datetime) -> Document:
    """The report as a document.

    Args:
        report: the trial's.
        words: of the reader.
        tenant: its name in that language.
        moment: when the trial ended.
    """
    name = words.of(report.name)
    return Document(
        title=words("title"), subtitle=words("subtitle", name=name, version=report.version, tenant=tenant),
        language=words.language, blocks=told(report, words), source=f"Tundish · {tenant}", moment=moment,
        moment_text=words.moment(moment),
    )  # fmt: skip


def _outcome(report: TrialReport, words: Words) -> list[Block]:
    blocks: list[Block] = [Heading(words("summary"))]
    if report.crashing:
        blocks.append(Paragraph(words("crashing", detail=report.detail[-300:]), "warning"))
    elif not report.runs:
        blocks.append(Paragraph(words("no_runs"), "warning"))
    if report.counts is None:
        return [*blocks, Paragraph(words("no_flags"), "notice")]
    if not any(report.known.get(one) for one in _KNOWN[:4]) and report.watched_since is None:
        blocks.append(Paragraph(words("nothing_known"), "notice"))
    if report.known_shortened:
        blocks.append(Paragraph(words("shortened"), "warning"))
    return [*blocks, Facts(_counted(report.counts, words))]


def _counted(counts: Counts, words: Words) -> tuple[tuple[str, str], ...]:
    unjudged = counts.cries_planned + counts.cries_unwatched + counts.cries_not_over
    judged = counts.cries_caught + counts.cries_false + counts.cries_nothing
    tried = counts.caught + counts.late + counts.missed
    leads = (counts.lead_least_s, counts.lead_median_s, counts.lead_most_s)
    rows = [(words(key), str(getattr(counts, key))) for key in ("caught", "late", "missed", "not_tried")]
    rows.append((words("cries"), str(judged + unjudged)))
    verdicts = ("cries_caught", "cries_false", "cries_nothing")
    rows += [(words(key), str(getattr(counts, key))) for key in verdicts]
    rows.append((words("cries_open"), str(unjudged)))
    precision = (counts.precision, counts.precision_low, counts.precision_high)
    recall = (counts.recall, counts.recall_low, counts.recall_high)
    rows.append((words("precision"), _interval(precision, judged, words)))
    rows.append((words("recall"), _interval(recall, tried, words)))
    rows.append((words("lead"), " / ".join(words.span(lead) for lead in leads)))
    return tuple(rows)


def _interval(share: tuple[float | None, float | None, float | None], cases: int, words: Words) -> str:
    if share[0] is None:
        return words("unjudged")
    middle, low, high = (words.percent(one) for one in share)
    return words("interval", share=middle, low=low, high=high, cases=cases)


def _course(report: TrialReport, words: Words) -> list[Block]:
    blocks: list[Block] = []
    if report.days:
        series = [ChartSeries(words("day_runs"), tuple(float(day.runs) for day in report.days))]
        if report.counts is not None:
            cried = tuple(float(day.flagged) for day in report.days)
            series.append(ChartSeries(words("day_flagged"), cried))
        labels = tuple(day.day[5:] for day in report.days)
        blocks.append(Chart(words("days"), labels, tuple(series), "bars"))
    if report.cries or report.troubles:
        troubles = tuple(Span(one.start, one.end, _COLOURS[one.verdict]) for one in report.troubles)
        cries = tuple(Span(one.start, one.end, _COLOURS[one.verdict]) for one in report.cries)
        rows = (TimelineRow(words("row_troubles"), troubles), TimelineRow(words("row_cries"), cries))
        ends = (words.moment(report.start), words.moment(report.end))
        blocks.append(Timeline(words("timeline"), report.start, report.end, rows, *ends))
    return blocks


def _lists(report: TrialReport, words: Words) -> list[Block]:
    blocks: list[Block] = []
    if report.counts is not None:
        blocks += [Heading(words("troubles")), *_troubles(report, words)]
        blocks += [Heading(words("cry_list")), *_cries(report, words)]
    if report.figures:
        blocks.append(Heading(words("figures")))
        heads = [Column(words("output"), share=3)]
        heads += [Column(words(key), Align.RIGHT) for key in ("count", "least", "median", "most")]
        rows = []
        for name, unit, figure in report.figures:
            texts = ", ".join(f"{text} × {n}" for text, n in figure.texts.items())
            label = f"{words.of(name)} ({unit})" if unit and unit != "1" else words.of(name)
            numbers = [words.number(one) for one in (figure.least, figure.median, figure.most)]
            rows.append((f"{label}: {texts}" if texts else label, str(figure.values), *numbers))
        blocks.append(Table(tuple(heads), tuple(rows)))
    return blocks


def _troubles(report: TrialReport, words: Words) -> list[Block]:
    if not report.troubles:
        return [Paragraph(words("no_troubles"))]
    heads = (
        Column(words("at"), share=1.5), Column(words("event"), share=3), Column(words("source"), share=1.2),
        Column(words("verdict"), share=1.6), Column(words("ahead"), Align.RIGHT),
    )  # fmt: skip
    rows = tuple(
        (
            words.moment(one.start), f"{words.of(one.what)}\n{one.path}", words(f"source_{one.source}"),
            words(f"trouble_{one.verdict}"), words.span(one.lead_s),
        )
        for one in reversed(report.troubles)
    )  # fmt: skip
    return [Table(heads, rows), *_newest(len(rows), words)]


def _cries(report: TrialReport, words: Words) -> list[Block]:
    if not report.cries:
        return [Paragraph(words("no_cries"))]
    names = {rule.output: words.of(rule.name) for rule in report.rules}
    heads = (
        Column(words("at"), share=1.5), Column(words("output"), share=2), Column(words("value"), Align.RIGHT),
        Column(words("lasted"), Align.RIGHT), Column(words("verdict"), share=2),
        Column(words("ahead"), Align.RIGHT),
    )  # fmt: skip
    rows = tuple(
        (
            words.moment(one.start), names.get(one.output, one.output), words.number(one.value),
            words.span((one.end - one.start).total_seconds() + report.step_s), words(f"cry_{one.verdict}"),
            words.span(one.lead_s),
        )
        for one in reversed(report.cries)
    )  # fmt: skip
    return [Table(heads, rows), *_newest(len(rows), words)]


def _newest(rows: int, words: Words) -> list[Block]:
    return [Paragraph(words("newest", n=MAX_LINES), "small")] if rows == MAX_LINES else []


def _tried(report: TrialReport, words: Words) -> list[Block]:
    step, schedule = words.span(report.step_s), words.span(report.schedule_s)
    kept = "kept" if report.step_s == report.schedule_s else "slowed" if report.slowed else "bounded"
    isolation = words(f"isolation_{report.isolation or 'none'}")
    each = f"{words.number(report.seconds_median, 2)} / {words.number(report.seconds_most, 2)}"
    rows = [
        (words("stretch"), f"{words.moment(report.start)} – {words.moment(report.end)}"),
        (words("schedule"), words(f"schedule_{kept}", step=step, schedule=schedule)),
        (words("window"), words.span(report.window_s)),
        (words("runs"), f"{report.runs} / {report.planned}"),
    ]
    rows += [(words("crashed"), str(report.crashed))] if report.crashed else []
    rows += [(words(f"left_{reason}"), str(n)) for reason, n in report.left_out.items()]
    rows += [
        (words("signals"), str(report.cost.signals)),
        (words("rows"), words.number(report.rows)),
        (words("seconds"), f"{words.span(report.seconds)}; {each}"),
        (words("isolation"), words("filtered", isolation=isolation) if report.filtered else isolation),
        (words("cost"), _cost(report, words)),
    ]
    return [Heading(words("how")), Facts(tuple(rows))]


def _cost(report: TrialReport, words: Words) -> str:
    cost = report.cost
    if cost.fen is None:
        return words("cost_unknown")
    return words(f"cost_{cost.plan}", yuan=f"{cost.fen / _FEN:,.2f}", n=cost.signals, runs=cost.runs)


def _truth(report: TrialReport, words: Words) -> list[Block]:
    if report.counts is None:
        return []
    since = words.moment(report.watched_since) if report.watched_since else words("watched_never")
    rows = [(words(f"known_{one}"), str(report.known.get(one, 0))) for one in _KNOWN]
    heads = (Column(words("output"), share=3), Column(words("rule"), share=2), Column(words("rule_lead")))
    rules = tuple((words.of(rule.name), rule.flags, words.span(rule.lead_s)) for rule in report.rules)
    return [
        Heading(words("truth")), Facts((*rows, (words("watched"), since))),
        Table(heads, rules, words("rules")),
    ]  # fmt: skip
