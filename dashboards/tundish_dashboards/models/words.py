"""States, levels and figures of models in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.model_registry import Level, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.model_registry import ModelInfo

_STATE_TONES: Final = {
    State.CHAMPION: Tone.GOOD,
    State.SHADOW: Tone.NOTICE,
    State.CANDIDATE: Tone.NOTICE,
    State.RETIRED: Tone.QUIET,
    State.REJECTED: Tone.QUIET,
}
_LEVEL_TONES: Final = {Level.OK: Tone.GOOD, Level.WATCH: Tone.NOTICE, Level.ACT: Tone.BAD}
# Those that may still speak for a line, so that it matters whether somebody looked at them.
OPEN: Final = frozenset({State.CHAMPION, State.SHADOW, State.CANDIDATE})
_HEADLINES: Final = 3


def state_words(view: TenantView, state: State) -> Component:
    """How a version stands."""
    means = view.t(f"model_state_means.{state}")
    return components.status(_STATE_TONES[state], view.t(f"model_state.{state}"), means)


def level_words(view: TenantView, level: Level, before: str = "") -> Component:
    """How urgent a report is."""
    return components.status(_LEVEL_TONES[level], f"{before}{view.t(f'model_level.{level}')}")


def approval_words(view: TenantView, info: ModelInfo) -> str | Component:
    """Who approved a version, or that nobody has."""
    if info.approved_by:
        at = view.formats.moment(info.approved_at, seconds=False)
        return view.t("models.approved", by=info.approved_by, at=at)
    words = view.t("models.unapproved")
    return components.status(Tone.NOTICE, words) if info.state in OPEN else words


def window_words(view: TenantView, info: ModelInfo) -> str:
    """Which data a version was trained on."""
    start, end = (view.formats.moment(at, seconds=False) for at in (info.trained_from, info.trained_to))
    return view.t("models.trained", start=start, end=end, n=view.formats.number(info.cases, 0))


def headline(view: TenantView, metrics: Mapping[str, float | None]) -> str:
    """The card's first few metrics."""
    shown = [(name, value) for name, value in metrics.items() if value is not None][:_HEADLINES]
    return " · ".join(f"{name} {view.formats.brief(value)}" for name, value in shown)
