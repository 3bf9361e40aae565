"""How often a model was right so far, as its worker counts it when inspections come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.data import Line
    from tundish_platform.api.predictions import Prediction


def hit_words(view: TenantView, line: Line, found: Sequence[Prediction]) -> dict[int, str]:
    """The live hit rate in words, by evidence signal; targets that nobody inspects later have none."""
    ids = {signal.path: signal.id for signal in line.derived}
    judged = [item for item in found if f"{item.path}/HitCount" in ids]
    return {item.signal: _words(view, line, ids, item.path) for item in judged}


def _words(view: TenantView, line: Line, ids: dict[str, int], path: str) -> str:
    t, formats = view.t, view.formats
    count, rate, share = (
        _newest(line, ids.get(f"{path}/{leaf}")) for leaf in ("HitCount", "HitRate", "AnsweredShare")
    )
    if not count or rate is None or share is None:
        return t("prediction.no_hits")
    answered = round(count * share)
    return t(
        "prediction.hits",
        right=formats.number(round(answered * rate), 0),
        all=formats.number(answered, 0),
        share=formats.percent(rate),
        judged=formats.number(count, 0),
    )


def _newest(line: Line, signal: int | None) -> float | None:
    latest = line.latest.get(signal) if signal is not None else None
    return latest.value if latest is not None and isinstance(latest.value, float) else None
