"""Amounts and plans in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tundish_dashboards.formats import Formats
    from tundish_dashboards.i18n import Texts
    from tundish_platform.sdk import Plan

_FEN = 100


def yuan(formats: Formats, fen: int) -> str:
    """An amount with its two decimals, as people there write it."""
    return formats.number(fen / _FEN, 2)


def price_words(t: Texts, formats: Formats, kind: str, fen: int) -> str:
    """What a plan charges."""
    return t(f"price.{kind}", amount=yuan(formats, fen))


def plan_words(t: Texts, formats: Formats, plan: Plan) -> str:
    """A plan with its name, what it charges, and its trial."""
    words = f"{t.of(plan.name.zh, plan.name.en)} · {price_words(t, formats, plan.kind, plan.fen)}"
    return f"{words} · {t('price.trial', days=plan.trial_days)}" if plan.trial_days else words
