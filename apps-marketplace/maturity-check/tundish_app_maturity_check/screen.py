"""The screen: level and score, the dimensions, what counts bear out, the widest gaps and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_app_maturity_check.evidence import borne_out, contradicted
from tundish_platform.sdk import Cell, Column, Screen, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tundish_app_maturity_check.scoring import Score
    from tundish_platform.sdk.questionnaire import Questionnaire

_LEVELS: Final = (
    ("未达一级", "below level 1"), ("一级", "level 1"), ("二级", "level 2"), ("三级", "level 3"),
    ("四级", "level 4"),
)  # fmt: skip
# Apps of this marketplace that help with a question; an app that is not there is not shown by the platform.
_HELPS: Final = {
    "equipment": "energy-watch", "data": "anomaly-watch", "production": "oee-pareto",
    "service": "product-passport", "together": "peer-benchmark", "rules": "anomaly-watch",
    "quality": "spc-monitor", "efficiency": "oee-pareto", "value": "energy-per-piece",
}  # fmt: skip
_GAPS: Final = 6


def nothing_answered() -> Screen:
    """What is shown before anybody has answered."""
    return Screen(
        blocks=(
            _said("还没有人填写问卷。", "Nobody has answered the questionnaire yet.", warning=True),
            _said("请在应用页面填写后再看结果。", "Answer it on the app's page and look again."),
        )
    )


def screen(
    questions: Questionnaire, score: Score, points: Mapping[str, float], edition: str | None
) -> Screen:
    """Everything there is to say of a sheet."""
    zh, en = _LEVELS[score.level]
    blocks: list[TextBlock | TableBlock] = [
        _said(f"得分 {score.total:.1f},{zh}。", f"Score {score.total:.1f}, {en}."),
        _borne_out(score, points),
    ]
    if edition not in {None, questions.version}:
        blocks.append(
            _said(
                f"答案按版本 {edition} 填写,问卷现为 {questions.version};不再存在的题目不计分。",
                f"The answers are of edition {edition}, the questionnaire is now {questions.version}; "
                "questions that are no more do not count.",
                warning=True,
            )
        )
    if score.answered < 1:
        share = f"{score.answered:.0%}"
        blocks.append(_said(f"已答 {share},未答按0分计。", f"{share} answered; the rest counts as 0."))
    return Screen(blocks=(*blocks, _dimensions(questions, score), *_doubts(score, points), _gaps(score)))


def _borne_out(score: Score, points: Mapping[str, float]) -> TextBlock:
    share = borne_out(score, points)
    if not points or share is None:
        return _said(
            "没有平台用量可作佐证,得分全部来自自述。",
            "There are no counts to hold it against: the whole score is what was answered.",
        )
    return _said(
        f"其中 {share:.0%} 有平台用量佐证,其余为自述。",
        f"{share:.0%} of it is borne out by the platform's own counts, the rest is what was answered.",
    )


def _dimensions(questions: Questionnaire, score: Score) -> TableBlock:
    rows = [(group.text, score.of(group.key), group.weight) for group in questions.groups]
    return _table(
        "四个维度",
        "The four dimensions",
        (("维度", "dimension"), ("得分", "points"), ("权重", "weight")),
        rows,
    )


def _doubts(score: Score, points: Mapping[str, float]) -> list[TableBlock]:
    found = set(contradicted(score, points))
    rows = [
        (one.question.text, one.points, points[one.question.key])
        for one in score.questions
        if one.question.key in found
    ]
    heads = (("题目", "question"), ("自述", "answered"), ("用量显示", "measured"))
    return [_table("自述高于用量的题目", "Answered above what counts show", heads, rows)] if rows else []


def _gaps(score: Score) -> TableBlock:
    ranked = sorted(score.questions, key=lambda one: (one.got - one.worth, one.question.key))
    rows = [
        (one.question.text, one.points, one.worth - one.got, _HELPS.get(one.question.key))
        for one in ranked[:_GAPS]
        if one.got < one.worth
    ]
    heads = (("题目", "question"), ("得分", "points"), ("可提升", "to gain"), ("可用应用", "app that helps"))
    return _table("最大差距", "The widest gaps", heads, rows)


def _table(
    zh: str, en: str, heads: tuple[tuple[str, str], ...], rows: Sequence[tuple[Cell, ...]]
) -> TableBlock:
    columns = tuple(Column(name=Texts(zh=zh, en=en)) for zh, en in heads)
    return TableBlock(title=Texts(zh=zh, en=en), columns=columns, rows=tuple(rows))


def _said(zh: str, en: str, *, warning: bool = False) -> TextBlock:
    return TextBlock(text=Texts(zh=zh, en=en), level="warning" if warning else "info")
