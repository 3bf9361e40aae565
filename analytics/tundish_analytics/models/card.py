"""A model card as a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_analytics.models.registry import ModelCard

_HEADINGS: Final = {
    "zh": ("模型卡", "产线", "版本", "训练数据", "样本数", "输入信号", "评估方法", "指标", "局限", "摘要"),
    "en": (
        "Model card",
        "Line",
        "Version",
        "Training data",
        "Cases",
        "Inputs",
        "Protocol",
        "Metrics",
        "Limits",
        "Digest",
    ),
}


def card_page(
    card: ModelCard, language: Literal["zh", "en"], field: Mapping[str, float] | None = None
) -> str:
    """The card as Markdown in one language.

    Args:
        card: of the version.
        language: of the headings and texts.
        field: figures by people's feedback, see `tundish_analytics.evaluate.field_metrics`; they change after
            training, so they stand beside the card's own and not in it.
    """
    title, line, version, data, cases, inputs, protocol, metrics, limits, digest = _HEADINGS[language]
    chosen = language == "zh"
    rows = [f"| {name} | {value:.4g} |" for name, value in (card.metrics | dict(field or {})).items()]
    parts = [
        f"# {title}: {card.model}",
        f"{line}: {card.line}  \n{version}: {card.version} (code {card.code})  \n{digest}: {card.sha256}",
        f"## {data}\n{card.trained_from} – {card.trained_to}  \n{cases}: {card.cases}",
        f"## {protocol}\n{card.protocol_zh if chosen else card.protocol_en}",
        "\n".join([f"## {metrics}", "| | |", "|---|---|", *rows]),
        f"## {limits}\n{card.limits_zh if chosen else card.limits_en}",
        "\n".join([f"## {inputs}", *(f"- `{path}`" for path in card.features)]),
    ]
    return "\n\n".join(parts) + "\n"
