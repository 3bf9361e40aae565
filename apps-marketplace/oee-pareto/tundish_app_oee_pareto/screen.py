"""The screen: figures with bounds, loss tree, reasons, hours of the day, other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.figures import IDEAL_CYCLE_TOO_SLOW
from tundish_analytics.oee.timesplit import SECOND, Time
from tundish_platform.sdk import ChartBlock, Screen, Texts
from tundish_platform.sdk.blocks import drawn, only, over_time, said, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.oee.figures import Ratio
    from tundish_analytics.oee.machine import Judged
    from tundish_platform.sdk import AppInputs, Cell, TableBlock, TextBlock

    Row = tuple[Cell, ...]

_LOSSES: Final = {
    "not_scheduled": ("未排班", "not scheduled"),
    "planned_stop": ("计划停机", "planned stop"),
    "unknown": ("未知", "unknown"),
    "breakdown": ("故障", "breakdown"),
    "setup": ("调整换型", "set-up"),
    "delay": ("待料、堵料、空闲", "starved, blocked, idle"),
    "minor_stops": ("短停", "short stops"),
    "reduced_speed": ("速度损失", "reduced speed"),
    "rejects": ("不良", "rejects"),
    "good_pieces": ("有效产出", "good pieces"),
}
_REASONS: Final = {
    "NO_BUSY_TIME": ("没有已知的计划时间", "no known planned time"),
    "NO_PRODUCTION_TIME": ("没有生产时间", "no production time"),
    "NO_PIECES": ("没有产量", "no pieces"),
}
_SOURCES: Final = {
    "total": ("件数计数器", "the counter of pieces"),
    "pieces": ("工件标识的变化", "changes of the piece's identity"),
    "cycles": ("循环计数(一次循环按一件计)", "the counter of cycles (a cycle taken for a piece)"),
}
_HOUR: Final = 3_600 * SECOND
_MOST_REASONS: Final = 20


def missing_screen() -> Screen:
    """Said when no machine has a state."""
    return only(
        "没有设备状态信号(state.packml 或 state.machinery,周期不超过60秒)。请接入其一;应用没有猜测。",
        "There is no machine state (state.packml or state.machinery, at most 60 s between samples). "
        "Connect one of them; nothing was guessed.",
    )


def plan_screen(what: str) -> Screen:
    """Said when a parameter cannot be read."""
    return only(
        f"参数无法使用,未作计算:{what}。请更正班次、休息、工作日、时区或设备路径。",
        f"A parameter cannot be used, and nothing was computed: {what}. Correct shifts, breaks, days, zone "
        "or machine.",
    )


def screen(inputs: AppInputs, one: Judged, others: list[Judged]) -> Screen:
    """Everything about one machine, and a line for each of the others."""
    blocks = [*_words(inputs, one), _figures(one), _tree(one), *_reasons(one), _hours(inputs, one)]
    return Screen(blocks=(*blocks, *_overview(others)))


def _words(inputs: AppInputs, one: Judged) -> list[TextBlock]:
    grade, share = one.confidence.grade, one.unknown_share or 0.0
    words = [
        said(
            f"{one.state.machine}:可信度 {grade};计划时间中未知 {share:.1%}。",
            f"{one.state.machine}: confidence {grade}; {share:.1%} of the planned time is unknown.",
            warning=grade == "D",
        )
    ]
    if "shifts" not in inputs.parameters:
        words.append(
            said("没有给定班次,全部时间按计划时间计。", "No shifts were given: all time counts as planned.")
        )
    if one.unread:
        listed = ", ".join(one.unread[:10])
        words.append(
            said(
                f"无法识别的状态按未知计:{listed}。",
                f"State words not known count as unknown: {listed}.",
                warning=True,
            )
        )
    return [*words, *_count_words(inputs, one)]


def _count_words(inputs: AppInputs, one: Judged) -> list[TextBlock]:
    counted = one.counted
    if counted is None:
        why = ("没有给定理想节拍", "no ideal cycle was given")
        if "ideal_cycle_s" in inputs.parameters:
            why = ("没有产量计数或工件标识", "neither a counter nor identities of pieces are there")
        return [
            said(
                f"未计算性能率、合格率和OEE:{why[0]}。",
                f"No performance, quality or OEE: {why[1]}.",
                warning=True,
            )
        ]
    zh, en = _SOURCES[counted.source]
    words = [said(f"产量依据:{zh}。", f"Pieces by {en}.")]
    if counted.rejects is None:
        words.append(
            said(
                "没有不良件数,未计算合格率和OEE;表中只给出“全部合格时”的上限。",
                "Rejects are not counted, so there is no quality and no OEE; the table gives what OEE would "
                "be at most, if every piece were good.",
                warning=True,
            )
        )
    if counted.left_out:
        words.append(
            said(
                f"{counted.left_out:g} 件产于未知或非计划时间,未计入。",
                f"{counted.left_out:g} pieces came in unknown or unplanned time and do not count.",
            )
        )
    if counted.resets or counted.suspects:
        words.append(
            said(
                f"计数器清零 {counted.resets} 次,剔除可疑跳变 {counted.suspects} 处。",
                f"Counters were reset {counted.resets} times; {counted.suspects} doubtful jumps left out.",
                warning=bool(counted.suspects),
            )
        )
    if IDEAL_CYCLE_TOO_SLOW in one.figures.warnings:
        words.append(
            said(
                "性能率高于1:理想节拍给得太慢。",
                "Performance is above 1: the ideal cycle is too slow.",
                warning=True,
            )
        )
    return words


def _figures(one: Judged) -> TableBlock:
    figures, rate = one.figures, one.reliability
    rows: list[Row] = [_ratio(("可用率 A", "availability A"), figures.availability)]
    if one.counted is not None:
        rows.append(_ratio(("性能率 P", "performance P"), figures.performance))
        if one.counted.rejects is None:
            rows.append(_ratio(("OEE上限(全部合格时)", "OEE at most (every piece good)"), figures.oee))
        else:
            rows.append(_ratio(("合格率 Q", "quality Q"), figures.quality))
            rows += [_ratio(("设备综合效率 OEE", "OEE"), figures.oee), _ratio(("TEEP", "TEEP"), figures.teep)]
    hours = tuple(None if s is None else s / 3_600 for s in (rate.mtbf_s, rate.mtbf_low_s, rate.mtbf_high_s))
    note = Texts(zh=f"{rate.failures} 次故障", en=f"{rate.failures} failures")
    rows.append(
        (Texts(zh="平均无故障运行时间(h)", en="mean operating time between failures (h)"), *hours, note)
    )
    repair = None if rate.mttr_s is None else rate.mttr_s / 60
    still = f"{rate.open_repair_s / 60:.0f} min"
    going = Texts(zh=f"另有未结束 {still}", en=f"one still open, {still}") if rate.open_repair_s else None
    rows.append((Texts(zh="平均修复时间(min)", en="mean time to repair (min)"), repair, None, None, going))
    heads = (("指标", "figure"), ("值", "value"), ("下界", "low"), ("上界", "high"), ("说明", "note"))
    return table(("指标及其界", "Figures and their bounds"), heads, rows)


def _ratio(name: tuple[str, str], ratio: Ratio) -> Row:
    why = _REASONS.get(ratio.reason)
    note = Texts(zh=why[0], en=why[1]) if why else None
    return Texts(zh=name[0], en=name[1]), ratio.value, ratio.low, ratio.high, note


def _tree(one: Judged) -> TableBlock:
    """Where the calendar time went; without counts production is not divided further."""
    parts = dict(one.losses)
    names = dict(_LOSSES)
    if one.counted is None:
        parts["producing"] = sum(parts.pop(key) for key in ("reduced_speed", "rejects", "good_pieces"))
        names["producing"] = ("生产", "producing")
    whole = sum(parts.values())
    rows: list[Row] = [
        (Texts(zh=names[key][0], en=names[key][1]), seconds / 3_600, seconds / whole)
        for key, seconds in parts.items()
    ]
    return table(("损失树", "Loss tree"), (("去向", "where"), ("小时", "hours"), ("占比", "share")), rows)


def _reasons(one: Judged) -> list[TableBlock | ChartBlock]:
    rows = one.pareto[:_MOST_REASONS]
    if not rows:
        return []
    cells: list[Row] = [
        (
            float(rank),
            row.reason or Texts(zh="未说明", en="not assigned"),
            row.seconds / 60,
            float(row.stops),
            row.share,
            row.cumulative,
        )
        for rank, row in enumerate(rows, 1)
    ]
    heads = (
        ("序", "rank"), ("原因", "reason"), ("分钟", "minutes"), ("次数", "stops"), ("占比", "share"),
        ("累计", "cumulative"),
    )  # fmt: skip
    minutes = np.array([row.seconds / 60 for row in rows])
    chart = ChartBlock(
        title=Texts(zh="停机原因帕累托", en="Lost time by reason"),
        x=tuple(float(rank) for rank in range(1, len(rows) + 1)),
        x_name=Texts(zh="序(见表)", en="rank (see the table)"),
        unit="min",
        series=(drawn(("损失时间", "lost time"), "bars", minutes),),
    )
    return [table(("停机原因", "Reasons of lost time"), heads, cells), chart]


def _hours(inputs: AppInputs, one: Judged) -> ChartBlock:
    """Of each hour the shares that produced and that are unknown; no bar where nothing was planned."""
    first = instant(inputs.start) // _HOUR * _HOUR
    edges = np.arange(first, instant(inputs.end) + _HOUR, _HOUR)
    made = _spent(one, edges, (Time.PRODUCING, Time.MICRO_STOP))
    unknown = _spent(one, edges, (Time.UNKNOWN,))
    busy = made + unknown + _spent(one, edges, (Time.SETUP, Time.DOWN, Time.DELAY))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [np.where(busy > 0, part / busy, np.nan) for part in (made, unknown)]
    return over_time(
        (
            "逐时:生产与未知占计划时间之比",
            "By hour: shares of planned time that produced and that are unknown",
        ),
        edges[:-1].astype("datetime64[us]"),
        "1",
        (
            drawn(("生产", "producing"), "bars", np.where(shares[1] < 1, shares[0], np.nan)),
            drawn(("未知", "unknown"), "points", shares[1]),
        ),
    )


def _spent(one: Judged, edges: NDArray[np.int64], kinds: tuple[Time, ...]) -> NDArray[np.float64]:
    kept = np.isin(one.pieces.kind, [int(kind) for kind in kinds])
    starts, ends = one.pieces.start[kept], one.pieces.end[kept]
    inside = np.minimum(ends[None], edges[1:, None]) - np.maximum(starts[None], edges[:-1, None])
    spent: NDArray[np.float64] = np.maximum(inside, 0).sum(axis=1).astype(np.float64)
    return spent


def _overview(others: list[Judged]) -> list[TableBlock]:
    rows: list[Row] = [
        (j.state.machine, j.figures.availability.value, j.unknown_share, j.confidence.grade, j.unassigned)
        for j in others
    ]
    heads = (
        ("设备", "machine"), ("可用率", "availability"), ("未知占比", "unknown"), ("可信度", "confidence"),
        ("未说明的损失", "lost time without a reason"),
    )  # fmt: skip
    return [table(("其他设备", "Other machines"), heads, rows)] if rows else []
