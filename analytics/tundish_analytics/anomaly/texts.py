"""What the generic watch says to people, in Chinese and English."""

from __future__ import annotations

from typing import Final

from tundish_analytics.checks import Meaning

_RETRAIN: Final = (
    "先看列出的信号;若是有意启用的新工况,请重新训练模型。",
    "Look at the signals listed first; if a new operating mode was begun on purpose, train the model again.",
)
USUAL: Final = Meaning(
    "与学习期相符", "As it was while learning", "按点检计划执行即可。", "Keep to the inspection plan."
)
TRANSITION: Final = Meaning(
    "正在切换工况,不作判断",
    "Changing its operating mode, no statement",
    "等待工况稳定。",
    "Wait until the mode is steady.",
)
_UNUSUAL: Final = {
    "t2": ("各信号同向偏离常态", "Signals together farther from their usual place than before"),
    "q": ("信号之间的关系改变", "Signals no longer move together as they did"),
    "forest": ("出现少见的取值组合", "A rare combination of values"),
    "slow_t2": ("各信号缓慢偏离常态", "Signals have slowly moved from their usual place"),
    "slow_q": ("信号之间的关系缓慢改变", "Signals slowly cease to move together as they did"),
}
INPUTS: Final = ("到达样本占比", "share of samples that came")
PROTOCOL_ZH: Final = (
    "无标签。学习期前 60 % 用于拟合,后 40 % 只用于校准:分数为 1 减去保形 p 值,p ≤ 1 % 视为异常。"
)
PROTOCOL_EN: Final = (
    "No labels. Fitted on the first 60 % of the learning time, calibrated on the rest: the score is 1 less "
    "the conformal p-value, and p ≤ 1 % counts as unusual."
)
LIMITS_ZH: Final = (
    "学习期内存在的故障会被当作正常。异常不等于故障,贡献不等于原因。误报率以今后与学习期同分布为前提;"
    "季节变化与新工况会使其升高。学习期内不变或只在漂移的信号不受看护。"
)
LIMITS_EN: Final = (
    "A fault that was there while learning is taken for normal. Unusual is not faulty, and a contribution is "
    "no cause. The rate of false alarms holds while the future is as the learning time was; seasons and new "
    "operating modes raise it. Signals that stood still or only drifted while learning are not"
    " watched."
)


def unusual(statistic: str, p: float) -> Meaning:
    """What a window beyond the limit means, by the statistic that stood out most."""
    zh, en = _UNUSUAL[statistic]
    return Meaning(f"{zh}(p = {p:.2g})", f"{en} (p = {p:.2g})", *_RETRAIN)


def named(p: float) -> str:
    """How an alarm of the past is called where nobody has called it anything yet."""
    return f"异常 · unusual, p = {p:.2g}"
