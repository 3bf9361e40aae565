"""The parts of a shift's report as blocks: the page, the PDF and the workbook are made of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.documents import Grid, GridColumn, Heading, Kind, Paragraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.documents.workbook import SheetBlock
    from tundish_platform.handover.facts import HandoverFacts, LineFact, NamedFact, QualityFact, RatioFact
    from tundish_platform.handover.notes import NoteView
    from tundish_platform.handover.words import Words

    Blocks = list[SheetBlock]

_TEXT: Final = Kind.TEXT
_LOSSES: Final = (
    *("good_pieces", "rejects", "reduced_speed", "minor_stops", "setup", "breakdown", "delay"),
    *("unknown", "planned_stop", "not_scheduled"),
)


def overview(w: Words, facts: HandoverFacts) -> Blocks:
    """OEE with its parts, counts against the plan, and where the time went."""
    if not facts.lines:
        return [Heading(w("overview")), Paragraph(w("no_lines"), "notice")]
    rows = [
        (
            w.of(line.name_zh, line.name_en), ratio(w, line.oee), ratio(w, line.availability),
            ratio(w, line.performance), ratio(w, line.quality), _counted(line.counts.total),
            _counted(line.counts.good), _counted(line.counts.rejects), _counted(line.counts.target),
            _of_target(line),
        )
        for line in facts.lines
    ]  # fmt: skip
    heads = ("line", "oee", "availability", "performance", "quality_rate")
    counts = ("total", "good", "rejects", "target")
    columns = (
        *(GridColumn(w(name), _TEXT, 1.5) for name in heads),
        *(GridColumn(w(name), Kind.COUNT, 0.8) for name in counts),
        GridColumn(w("of_target"), Kind.SHARE, 0.9),
    )
    blocks: Blocks = [Heading(w("overview")), Grid(columns, tuple(rows))]
    told = [Paragraph(words, "small") for line in facts.lines for words in _remarks(w, line)]
    return [*blocks, *told, *_where_time_went(w, facts)]


def stops(w: Words, facts: HandoverFacts) -> Blocks:
    """Stops with their reasons, the longest first."""
    found = sorted(
        ((stop, line) for line in facts.lines for stop in line.stops),
        key=lambda pair: pair[0].start - pair[0].end,
    )
    if not found:
        return [Heading(w("stops")), Paragraph(w("no_stops"))]
    rows = tuple(
        (
            w.of(line.name_zh, line.name_en), w(f"state_{stop.state}"), stop.reason or w("no_reason"),
            w.clock(stop.start), w("goes_on") if stop.goes_on else w.clock(stop.end),
            w.span((stop.end - stop.start).total_seconds()),
        )
        for stop, line in found
    )  # fmt: skip
    blocks: Blocks = [Heading(w("stops"))]
    if (whole := sum(line.stop_count for line in facts.lines)) > len(found):
        blocks.append(Paragraph(w("stop_more", n=whole, shown=len(found))))
    return [*blocks, _texts(w, ("line", "state", "reason", "begin", "end", "length"), rows)]


def alarms(w: Words, facts: HandoverFacts) -> Blocks:
    """Alarms of the shift, those still active first; floods are told."""
    blocks: Blocks = [Heading(w("alarms"))]
    for one in facts.floods:
        words = w("flood", start=w.clock(one.start), end=w.clock(one.end), n=one.alarms)
        blocks.append(Paragraph(words, "warning"))
    if not facts.alarms:
        return [*blocks, Paragraph(w("no_alarms"))]
    if facts.alarm_count > len(facts.alarms):
        active = sum(one.active for one in facts.alarms)
        blocks.append(Paragraph(w("alarm_more", n=facts.alarm_count, shown=len(facts.alarms), active=active)))
    rows = tuple(
        (
            w.of(one.name_zh, one.name_en), w(f"priority_{one.priority}"), w.clock(one.raised_at),
            str(one.times),
            w("cleared", at=w.clock(one.cleared_at)) if not one.active
            else w("active") if one.acknowledged else w("active_unseen"),
        )
        for one in facts.alarms
    )  # fmt: skip
    return [
        *blocks,
        _texts(w, ("alarm", "priority", "raised", "times", "standing"), rows, (2.4, 0.7, 1.2, 0.6, 1.8)),
    ]


def alerts(w: Words, facts: HandoverFacts) -> Blocks:
    """Predictive alerts, and what people did about them."""
    if not facts.alerts:
        return [Heading(w("alerts")), Paragraph(w("no_alerts"))]
    blocks: Blocks = [Heading(w("alerts"))]
    if facts.alert_count > len(facts.alerts):
        blocks.append(Paragraph(w("alert_more", n=facts.alert_count, shown=len(facts.alerts))))
    rows = tuple(
        (
            f"{w.of(one.target_zh, one.target_en)}: {w.of(one.label_zh, one.label_en)}",
            w.clock(one.opened_at), w("open_now") if one.closed_at is None else w.clock(one.closed_at),
            w.of(one.check_zh, one.check_en),
            w("nobody") if not one.verdict
            else w("said", verdict=w(f"verdict_{one.verdict}"), by=one.said_by, at=w.clock(one.said_at))
            + (f"\n{one.note}" if one.note else ""),
        )
        for one in facts.alerts
    )  # fmt: skip
    return [*blocks, _texts(w, ("alert", "opened", "closed", "check", "people"), rows, (1.6, 1, 1, 2, 1.6))]


def quality(w: Words, facts: HandoverFacts) -> Blocks:
    """Quality signals out of control."""
    judged = sum(line.judged_signals for line in facts.lines)
    found = [one for line in facts.lines for one in line.out_of_control]
    blocks: Blocks = [Heading(w("quality"))]
    if not found:
        return [*blocks, Paragraph(w("in_control", n=judged) if judged else w("not_judged"))]
    rows = tuple(
        (
            _signal(w, one), w("of_judged", n=one.outside, all=one.judged), w.share(one.usual),
            _limits(w, one),
            w.clock(one.last),
        )
        for one in found
    )  # fmt: skip
    heads = ("signal", "outside", "usual", "limits", "last")
    return [*blocks, _texts(w, heads, rows, (2.4, 1, 0.8, 1.8, 1.2)), Paragraph(w("quality_how"), "small")]


def energy(w: Words, facts: HandoverFacts) -> Blocks:
    """Energy of each line with a meter, and for a piece."""
    found = [line for line in facts.lines if line.energy_kwh is not None]
    if not found:
        return [Heading(w("energy")), Paragraph(w("no_energy"))]
    rows = tuple(
        (
            w.of(line.name_zh, line.name_en), round(line.energy_kwh or 0.0, 1),
            _each(line.energy_kwh, line.counts.total), _each(line.energy_kwh, line.counts.good),
            line.energy_signals,
        )
        for line in found
    )  # fmt: skip
    columns = (
        GridColumn(w("line"), _TEXT, 2),
        *(GridColumn(w(name)) for name in ("kwh", "per_piece", "per_good", "meters")),
    )
    return [Heading(w("energy")), Grid(columns, rows)]


def data(w: Words, facts: HandoverFacts) -> Blocks:
    """How complete the data is, what is silent, and the longest gaps."""
    rows = tuple(
        (
            w.of(line.name_zh, line.name_en), line.data.signals, line.data.share, line.data.silent_count,
            line.data.gap_count,
        )
        for line in facts.lines
    )  # fmt: skip
    columns = (
        GridColumn(w("line"), _TEXT, 2), GridColumn(w("signals_periodic")),
        GridColumn(w("complete"), Kind.SHARE), GridColumn(w("silent")), GridColumn(w("gaps")),
    )  # fmt: skip
    blocks: Blocks = [Heading(w("data")), Grid(columns, rows)] if rows else [Heading(w("data"))]
    if not any(line.data.signals for line in facts.lines):
        blocks.append(Paragraph(w("no_data_words")))
    if silent := [one for line in facts.lines for one in line.data.silent]:
        blocks.append(
            _texts(w, ("signal",), tuple((_signal(w, one),) for one in silent), title="silent_listed")
        )
    longest = sorted(
        (gap for line in facts.lines for gap in line.data.gaps), key=lambda gap: gap.start - gap.end
    )
    if longest:
        gaps = tuple(
            (
                _signal(w, one),
                w.clock(one.start),
                w.clock(one.end),
                w.span((one.end - one.start).total_seconds()),
            )
            for one in longest[:10]
        )
        blocks.append(_texts(w, ("signal", "begin", "end", "length"), gaps, (2.4, 1, 1, 1), "gap_listed"))
    return blocks


def notes(w: Words, said: Sequence[NoteView]) -> Blocks:
    """What people of the shift handed over."""
    if not said:
        return [Heading(w("notes")), Paragraph(w("no_notes"))]
    rows = tuple(
        (
            f"#{one.id}",
            _words_of(w, one),
            f"{one.said_by}\n{w.clock(one.said_at)}",
            f"{one.taken_by}\n{w.clock(one.taken_at)}" if one.taken_at else w("not_taken"),
        )
        for one in said
    )  # fmt: skip
    columns = tuple(
        GridColumn(name, _TEXT, share)
        for name, share in (("#", 0.4), (w("text"), 3.4), (w("handed_by"), 1.2), (w("taken_by"), 1.2))
    )
    return [Heading(w("notes")), Grid(columns, rows)]


def points(w: Words, carried: Sequence[NoteView]) -> Blocks:
    """Open points of earlier shifts."""
    if not carried:
        return [Heading(w("points")), Paragraph(w("no_points"))]
    rows = tuple(
        (
            f"#{one.id} {one.text}", w.minute(one.starts_at), one.said_by,
            w("point_closed", by=one.closed_by, at=w.clock(one.closed_at)) if one.closed_at
            else w("point_open"),
        )
        for one in carried
    )  # fmt: skip
    heads = ("text", "since", "handed_by", "standing_now")
    return [Heading(w("points")), _texts(w, heads, rows, (3.2, 1.2, 1, 1.4))]


def ratio(w: Words, one: RatioFact) -> str:
    """A figure with its bounds where something is unknown, or why it has no value."""
    if one.value is None:
        return f"– ({w(f'why_{one.reason}')})" if one.reason else "–"
    if one.low is None or one.high is None or one.high - one.low < 0.0005:  # noqa: PLR2004 - under what is shown
        return w.share(one.value)
    return w("bounds", value=w.share(one.value), low=w.share(one.low), high=w.share(one.high))


def _remarks(w: Words, line: LineFact) -> list[str]:
    name = w.of(line.name_zh, line.name_en)
    told = [w("state_by", line=name, by=line.state_by)] if line.state_by else []
    warned = [w(f"warn_{key}", line=name, by=line.state_by, counter=line.counts.by) for key in line.warnings]
    return told + warned


def _where_time_went(w: Words, facts: HandoverFacts) -> Blocks:
    """By the six big losses where there is an OEE, else by classes of time."""
    known = [line for line in facts.lines if line.seconds]
    if not known:
        return []
    with_losses = all(line.losses for line in known)
    keys = _LOSSES if with_losses else tuple(known[0].seconds)
    rows: list[tuple[str | float, ...]] = []
    for key in keys:
        spent = [(line.losses if with_losses else line.seconds).get(key, 0.0) for line in known]
        if any(abs(seconds) >= 0.5 for seconds in spent):  # noqa: PLR2004 - half a second is shown as none
            whole = sum(sum(line.seconds.values()) for line in known)
            words = w(f"loss_{key}" if with_losses else f"time_{key}")
            rows.append((words, *(w.span(seconds) for seconds in spent), sum(spent) / whole))
    names = tuple(GridColumn(w.of(line.name_zh, line.name_en), _TEXT) for line in known)
    columns = (GridColumn(w("loss"), _TEXT, 1.4), *names, GridColumn(w("share"), Kind.SHARE, 0.8))
    return (
        [Heading(w("losses" if with_losses else "time_classes"), 2), Grid(columns, tuple(rows))]
        if rows
        else []
    )


def _texts(
    w: Words, heads: tuple[str, ...], rows: tuple[tuple[str, ...], ...], shares: tuple[float, ...] = (),
    title: str = "",
) -> Grid:  # fmt: skip
    widths = shares or (1.0,) * len(heads)
    columns = tuple(GridColumn(w(head), _TEXT, share) for head, share in zip(heads, widths, strict=True))
    return Grid(columns, rows, w(title) if title else "")


def _signal(w: Words, one: NamedFact) -> str:
    return f"{w.of(one.name_zh, one.name_en)}\n{one.path}"


def _limits(w: Words, one: QualityFact) -> str:
    low, high = (w.value(one.centre + sigmas * one.sigma) for sigmas in (-3, 3))
    return f"{low} … {high} {one.unit}".strip()


def _words_of(w: Words, one: NoteView) -> str:
    before = (w("follows", n=one.follows) if one.follows else "") + (w("is_point") if one.point else "")
    return before + one.text


def _counted(value: float | None) -> int | float | None:
    if value is None:
        return None
    return round(value) if abs(value - round(value)) < 0.05 else round(value, 1)  # noqa: PLR2004 - half a decimal


def _of_target(line: LineFact) -> float | None:
    done, target = line.counts.good, line.counts.target
    done = line.counts.total if done is None else done
    return None if done is None or target is None else done / target


def _each(kwh: float | None, pieces: float | None) -> float | None:
    return round(kwh / pieces, 3) if kwh is not None and pieces else None
