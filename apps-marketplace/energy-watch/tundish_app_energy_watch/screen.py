"""The screen: figures in words, demand by quarter, energy by hour; and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.sdk import Cell, ChartBlock, Column, Screen, Series, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_energy_watch.figures import Figures
    from tundish_app_energy_watch.pieces import Pieces
    from tundish_platform.sdk import SignalInfo

_BASES: Final = {
    "interval": Texts(zh="电能表的区间电量", en="a meter's interval energy"),
    "counter": Texts(zh="电能表的累计电量", en="a meter's counter"),
    "power": Texts(zh="有功功率的积分", en="the integral of active power"),
}
_LOW_COVERAGE: Final = 0.9


def missing_screen() -> Screen:
    """Said when none of the inputs is there."""
    return Screen(
        blocks=(
            _text(
                "没有电量或功率信号(energy.active.interval、energy.active、power.active.*)。请接入其一。",
                "There is no energy or power signal (energy.active.interval, energy.active, power.active.*). "
                "Connect one of them.",
                warning=True,
            ),
        )
    )


def unit_screen(signal: SignalInfo) -> Screen:
    """Said when the unit tells nothing about energy."""
    return Screen(
        blocks=(
            _text(
                f"{signal.path} 的单位“{signal.unit}”不是电量或功率单位,未作计算。请更正信号的单位。",
                f"{signal.path} has the unit {signal.unit!r}, which is none of energy or power; nothing was "
                "computed. Correct the signal's unit.",
                warning=True,
            ),
        )
    )


def screen(key: str, signal: SignalInfo, pieces: Pieces, figures: Figures) -> Screen:
    """Everything about one window."""
    basis = _text(f"依据:{_BASES[key].zh}({signal.path})。", f"Basis: {_BASES[key].en} ({signal.path}).")
    return Screen(
        blocks=(basis, *_notes(pieces, figures), _table(figures), _demands(figures), _hours(figures))
    )


def _notes(pieces: Pieces, figures: Figures) -> list[TextBlock]:
    notes = []
    if figures.coverage < _LOW_COVERAGE:
        share = f"{figures.coverage:.1%}"
        notes.append(
            _text(
                f"窗口内只有 {share} 的时间有数据,缺失部分未补算,电量为已知部分之和。",
                f"Only {share} of the window is known; nothing was filled in, energy is the known sum.",
                warning=True,
            )
        )
    if pieces.resets:
        notes.append(
            _text(
                f"电表清零 {pieces.resets} 次,清零后从0计。", f"The counter was reset {pieces.resets} times."
            )
        )
    if pieces.suspect:
        notes.append(
            _text(
                f"剔除 {pieces.suspect} 处不可能的跳变。",
                f"{pieces.suspect} impossible jumps were left out.",
                warning=True,
            )
        )
    if figures.idle_share is None:
        notes.append(
            _text(
                "没有运行状态信号,未计算空载占比。",
                "There is no running state, so no idle share.",
            )
        )
    return notes


def _table(figures: Figures) -> TableBlock:
    at = _moment(figures.demand_at).isoformat() if figures.demand_at is not None else None
    rows: tuple[tuple[Cell, ...], ...] = (
        (Texts(zh="电量", en="energy"), figures.energy, "kW.h"),
        (Texts(zh="15分钟最大需量", en="15-minute maximum demand"), figures.maximum_demand, "kW"),
        (Texts(zh="最大需量时段起点", en="start of that quarter"), at, ""),
        (Texts(zh="负荷率", en="load factor"), figures.load_factor, ""),
        (Texts(zh="空载电量占比", en="idle share of energy"), figures.idle_share, ""),
        (Texts(zh="状态已知的电量占比", en="share of energy with known state"), figures.idle_known, ""),
        (Texts(zh="数据覆盖率", en="coverage"), figures.coverage, ""),
    )
    heads = (Texts(zh="指标", en="figure"), Texts(zh="值", en="value"), Texts(zh="单位", en="unit"))
    return TableBlock(
        title=Texts(zh="指标", en="Figures"), columns=tuple(Column(name=head) for head in heads), rows=rows
    )


def _demands(figures: Figures) -> ChartBlock:
    return ChartBlock(
        title=Texts(zh="15分钟需量", en="Demand by quarter of an hour"),
        x=_moments(figures.quarters),
        x_name=Texts(zh="源时间", en="source time"),
        unit="kW",
        series=(Series(name=Texts(zh="需量", en="demand"), y=_numbers(figures.demands)),),
    )


def _hours(figures: Figures) -> ChartBlock:
    known = np.where(figures.covered > 0, figures.energies, np.nan)
    return ChartBlock(
        title=Texts(zh="逐时电量(已知部分)", en="Energy by hour (as far as known)"),
        x=_moments(figures.hours),
        x_name=Texts(zh="源时间", en="source time"),
        unit="kW.h",
        series=(Series(name=Texts(zh="电量", en="energy"), style="bars", y=_numbers(known)),),
    )


def _text(zh: str, en: str, *, warning: bool = False) -> TextBlock:
    return TextBlock(text=Texts(zh=zh, en=en), level="warning" if warning else "info")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _moments(seconds: NDArray[np.float64]) -> tuple[datetime, ...]:
    return tuple(_moment(s) for s in seconds.tolist())


def _numbers(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else v for v in values.tolist())
