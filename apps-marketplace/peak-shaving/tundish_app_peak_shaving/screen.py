"""The screen: the day to come with its band, the peak, candidates to shift, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.sdk import Screen, Texts
from tundish_platform.sdk.blocks import drawn, only, over_time, said, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_peak_shaving.app import Ahead
    from tundish_app_peak_shaving.history import History
    from tundish_platform.sdk import Cell, ChartBlock, SignalInfo, TableBlock, TextBlock

    Values = NDArray[np.float64]

_ALERTS: Final = {
    "likely": ("预计超过需量上限", "demand is expected to pass the limit"),
    "possible": ("可能超过需量上限(P90超过)", "demand may pass the limit (its P90 does)"),
    "none": ("预计不超过需量上限", "demand is not expected to pass the limit"),
    "no_limit": ("没有给定需量上限,不作提示", "no limit of demand was given, so there is no alert"),
}
_SHOWN_DAYS: Final = 3
_STEPS_A_DAY: Final = 96
_CANDIDATES: Final = 12


def missing_screen() -> Screen:
    """Said when there is no meter."""
    return only(
        "没有15分钟或更短的电量信号(energy.active.interval 或累计的 energy.active)。"
        "请接入其一;应用没有猜测。",
        "There is no energy at least each 15 minutes (energy.active.interval, or the counter energy.active). "
        "Connect one; nothing was guessed.",
    )


def unit_screen(signal: SignalInfo) -> Screen:
    """Said when the unit is no energy."""
    return only(
        f"{signal.path} 的单位“{signal.unit}”不是电量单位,未作预测。请更正信号的单位。",
        f"{signal.path} has the unit {signal.unit!r}, which is no energy; nothing was forecast. Correct it.",
    )


def refused_screen(why: str) -> Screen:
    """Said when a parameter cannot be used."""
    return only(
        f"参数无法使用,未作计算:{why}。", f"A parameter cannot be used, and nothing was computed: {why}."
    )


def short_screen(signal: SignalInfo, history: History) -> Screen:
    """Said when the history is too short or too holey."""
    days, known = history.demand.size / _STEPS_A_DAY, f"{history.known:.0%}"
    return only(
        f"{signal.path}:历史 {days:.1f} 天,已知 {known};预测需要28天、80 %已知且最近一天有数据,未作预测。",
        f"{signal.path}: {days:.1f} days of history, {known} of it known. A forecast needs 28 days, "
        "80 % known, and some of the last day; nothing was forecast.",
    )


def screen(signal: SignalInfo, history: History, ahead: Ahead) -> Screen:
    """Everything about the next 24 hours."""
    return Screen(
        blocks=(
            *_words(signal, history, ahead), _course(history, ahead), _figures(ahead), *_candidates(ahead)
        )
    )  # fmt: skip


def _words(signal: SignalInfo, history: History, ahead: Ahead) -> list[TextBlock]:
    (zh, en), days = _ALERTS[ahead.alert], history.demand.size / _STEPS_A_DAY
    words = [
        said(
            f"{zh}。依据:{signal.path}。",
            f"Basis: {signal.path}; {en}.",
            warning=ahead.alert in ("likely", "possible"),
        ),
        said(
            f"历史 {days:.0f} 天,其中 {history.known:.1%} 已知;不知道生产计划与节假日。",
            f"{days:.0f} days of history, {history.known:.1%} known; production plan and holidays are not "
            "known to the forecast.",
        ),
    ]
    if ahead.shift is None:
        words.append(
            said("没有给定可移负荷比例,未计算移峰。", "No movable share was given, so no shift was planned.")
        )
    if ahead.prices is None:
        words.append(said("没有给定分时电价,未计算电费。", "No tariff was given, so there is no cost."))
    return words


def _course(history: History, ahead: Ahead) -> ChartBlock:
    """The last days as measured, holes left open, and the next with its band."""
    past = history.demand[-_SHOWN_DAYS * _STEPS_A_DAY :]
    first = np.datetime64(int(history.begin.timestamp()), "s")
    quarter = np.timedelta64(900, "s")
    steps = history.demand.size - past.size + np.arange(past.size + _STEPS_A_DAY)

    def later(values: Values) -> Values:
        return np.concatenate([np.full(past.size, np.nan), values])

    series = [
        drawn(("实测", "measured"), "line", np.concatenate([past, np.full(_STEPS_A_DAY, np.nan)])),
        drawn(("预测", "forecast"), "line", later(ahead.load.value)),
        drawn(("P10", "P10"), "line", later(ahead.load.low)),
        drawn(("P90", "P90"), "line", later(ahead.load.high)),
    ]
    if ahead.shift is not None:
        series.append(
            drawn(("移峰后", "after shifting"), "line", later(ahead.load.value + ahead.shift.moved))
        )
    if ahead.limit is not None:
        series.append(drawn(("需量上限", "limit"), "limit", np.full(steps.size, ahead.limit)))
    return over_time(
        ("15分钟需量:实测与预测", "Demand: measured and forecast"), first + steps * quarter, "kW", series
    )


def _figures(ahead: Ahead) -> TableBlock:
    load, best = ahead.load, int(ahead.load.value.argmax())
    rows: list[tuple[Cell, ...]] = [
        (Texts(zh="预计电量", en="energy expected"), float(load.value.sum()) / 4, "kW.h"),
        (Texts(zh="预计最大需量", en="demand expected at most"), float(load.value[best]), "kW"),
        (Texts(zh="该时段的P10", en="P10 of that quarter"), float(load.low[best]), "kW"),
        (Texts(zh="该时段的P90", en="P90 of that quarter"), float(load.high[best]), "kW"),
        (Texts(zh="时刻", en="when"), f"{ahead.moments[best]:%m-%d %H:%M}", ""),
    ]
    if ahead.prices is not None:
        cost = float(np.sum(load.value * ahead.prices)) / 4
        rows.append((Texts(zh="预计电费", en="cost expected"), cost, "CNY"))
    if ahead.shift is not None:
        rows.append(
            (Texts(zh="移峰可降低的需量", en="demand saved by shifting"), ahead.shift.peak_saved, "kW")
        )
        rows.append(
            (Texts(zh="移峰可节省的电费", en="cost saved by shifting"), ahead.shift.cost_saved, "CNY")
        )
    heads = (("指标", "figure"), ("值", "value"), ("单位", "unit"))
    return table(("今后24小时", "The next 24 hours"), heads, rows)


def _candidates(ahead: Ahead) -> list[TableBlock]:
    """The quarters out of which most would be moved."""
    if ahead.shift is None:
        return []
    order = np.argsort(ahead.shift.moved)[:_CANDIDATES]
    rows: list[tuple[Cell, ...]] = [
        (
            f"{ahead.moments[place]:%m-%d %H:%M}",
            float(ahead.load.value[place]),
            float(-ahead.shift.moved[place]),
            None if ahead.prices is None else float(ahead.prices[place]),
        )
        for place in sorted(order.tolist())
        if ahead.shift.moved[place] < 0
    ]
    heads = (
        ("时段起点", "quarter from"),
        ("预计负荷(kW)", "expected load (kW)"),
        ("可移出(kW)", "could leave (kW)"),
        ("电价(元/kWh)", "price (yuan/kWh)"),
    )  # fmt: skip
    return [table(("移峰候选时段", "Quarters to shift load out of"), heads, rows)] if rows else []
