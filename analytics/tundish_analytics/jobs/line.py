"""The jobs about the models of one line: train them anew, or only see what they would be worth."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tundish_analytics.jobs.held import Hopeless
from tundish_analytics.models.registry import Registry
from tundish_analytics.worker.loop import PIPELINES, train
from tundish_analytics.worker.pipeline import sites_of

if TYPE_CHECKING:
    from tundish_analytics.jobs.tools import Tell, Tools
    from tundish_analytics.models.registry import ModelCard
    from tundish_analytics.worker.loop import Progress
    from tundish_platform.sdk.calls.job_answers import Claimed


def train_line(tools: Tools, job: Claimed, tell: Tell) -> dict[str, Any]:
    """Train the line's models on its history; the new versions become the current ones.

    Raises:
        Hopeless: no model fits the line, or there is too little history for any.
    """
    cards, waiting = _trained(tools, tools.registry, job, tell)
    return {"models": [_figures(card) for card in cards], "waiting": waiting}


def evaluate_line(tools: Tools, job: Claimed, tell: Tell) -> dict[str, Any]:
    """What models trained on today's history would be worth, beside those in use; nothing is stored.

    The figures are of each model's own protocol, as on its card.

    Raises:
        Hopeless: no model fits the line, or there is too little history for any.
    """
    line = job["arguments"]["line"]
    with tempfile.TemporaryDirectory(prefix="tundish-evaluate-") as folder:
        cards, waiting = _trained(tools, Registry(Path(folder)), job, tell)
    found = []
    for card in cards:
        loaded = tools.registry.load(job["tenant"], line, card.model)
        found.append(_figures(card) | {"in_use": _figures(loaded[0]) if loaded else None})
    return {"models": found, "waiting": waiting}


def _trained(
    tools: Tools, registry: Registry, job: Claimed, tell: Tell
) -> tuple[list[ModelCard], list[dict[str, str]]]:
    line = job["arguments"]["line"]
    sites = [site for site in sites_of(tools.client, job["tenant"], registry) if site.line == line]
    count = sum(kind.bind(site) is not None for site in sites for kind in PIPELINES)
    if not count:
        raise Hopeless(f"产线 {line} 没有适用的模型。", f"No model fits the line {line}.")
    ended, waiting = 0, []

    def told(progress: Progress) -> None:
        nonlocal ended
        if progress.stage == "waiting":
            waiting.append({"model": progress.model, "zh": progress.zh, "en": progress.en})
        ended += progress.stage in {"ready", "waiting"}
        tell(ended / count, f"训练 {progress.model}", f"Training {progress.model}")

    tell(0.0, "读取历史数据", "Reading history")
    cards = train(tools.client, job["tenant"], line, registry, told)
    if not cards:
        raise Hopeless(waiting[0]["zh"], waiting[0]["en"])
    return cards, waiting


def _figures(card: ModelCard) -> dict[str, Any]:
    return {"model": card.model, "version": card.version, "cases": card.cases, "metrics": card.metrics}
