"""Reports of a model's life in words, in Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_analytics.drift.levels import Level
    from tundish_analytics.models.compare import Verdict

_LEVELS: Final[Mapping[Level, tuple[str, str]]] = {
    "ok": ("与训练时一致。", "As at training."),
    "watch": ("与训练时有差异，请留意。", "Differs from training; keep an eye on it."),
    "act": ("持续且明显偏离训练时的情况。", "Lastingly and clearly away from training."),
}
_VERDICTS: Final[Mapping[Verdict, tuple[str, str]]] = {
    "too few": ("已核对的结果还太少，无法判断。", "Too few judged cases to tell."),
    "undecided": ("两个版本没有可靠的差别。", "No sure difference between the versions."),
    "challenger better": ("影子版本更准确。", "The version in shadow is right more often."),
    "champion better": ("主用版本更准确。", "The champion is right more often."),
}


def _words(zh: str, en: str) -> dict[str, str]:
    return {"summary_zh": zh, "summary_en": en}


def drift(evidence: Mapping[str, Any], level: Level) -> dict[str, str]:
    """One or two sentences about drift."""
    zh, en = _LEVELS[level]
    features = [found["feature"] for found in evidence["inputs"].get("features", ())]
    if features:
        zh += f"输入偏离：{'、'.join(features[:3])}。"
        en += f" Inputs apart: {', '.join(features[:3])}."
    for part, said in (
        ("hits", ("命中率下降", "Hit rate fallen")),
        ("calibration", ("概率失准", "Probabilities off")),
    ):
        if off := [target for target, watch in evidence[part].items() if watch["level"] != "ok"]:
            zh += f"{said[0]}：{'、'.join(off)}。"
            en += f" {said[1]}: {', '.join(off)}."
    return _words(zh, en)


def comparison(evidence: Mapping[str, Any]) -> dict[str, str]:
    """One sentence about a version in shadow."""
    return _words(*_VERDICTS[evidence["verdict"]])


def proposal(offered: Mapping[str, Any]) -> dict[str, str]:
    """Why to train again, and what that promises."""
    zh, en = f"建议用 {offered['trained_to']} 之后的数据重新训练。", (
        f"Train again with data from after {offered['trained_to']}."
    )  # fmt: skip
    tried = offered["evaluation"]
    if tried is None:
        return _words(
            zh + "尚无足够的核对结果来估计收益。", en + " Too few judged cases to say what it would gain."
        )
    known = {name: found for name, found in tried["targets"].items() if found["judged"]}
    gains = {name: found["gain"] * 100 for name, found in known.items()}
    ends = {name: [end * 100 for end in found["gain_95"]] for name, found in known.items()}
    shown = {
        name: f"{name} {gain:+.1f} ({ends[name][0]:+.1f} … {ends[name][1]:+.1f})"
        for name, gain in gains.items()
    }
    return _words(
        f"{zh}按时间留出的试算命中率变化（百分点，95 % 区间）：{'；'.join(shown.values())}。",
        f"{en} Tried out of time, points of hit rate (95 % interval): {'; '.join(shown.values())}.",
    )
