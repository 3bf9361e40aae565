"""Versioned rules as data, and their application: facts in, stage and checks out, the same each time."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.sdk import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping

Facts = dict[str, Any]

_PUBLISHED: Final = ("rules.toml", "rules-2026.2.toml")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Part):
    """One fact and the least it must be."""

    fact: str
    at_least: float


class Condition(_Part):
    """What must hold, said for people and written for the machine: one of ``any``, each an all-of."""

    text: Texts
    any: Annotated[tuple[tuple[Figure, ...], ...], Field(min_length=1)]

    def holds(self, facts: Mapping[str, float]) -> bool:
        """Whether the facts of one window meet it; a fact nobody knows counts as 0."""
        return any(all(facts.get(f.fact, 0) >= f.at_least for f in figures) for figures in self.any)


class Stage(_Part):
    """A stage of adoption; it must hold in so many consecutive windows."""

    key: str
    name: Texts
    windows: Annotated[int, Field(ge=1)]
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)]


class Rule(_Part):
    """One published version of the adoption rules.

    Attributes:
        demo: thresholds scaled for a demonstration; never an official count.
        window_s: seconds of one window (the "month").
        bin_s: seconds of what counts as one active "day".
        machine_window_s: a machine is connected when good data came within this time.
        app_delay_s: an app's run used live data when live data came at most this long before it.
        alert_within_s: an alert was handled in time when somebody said by then what they found.
        monthly: windows before the newest are calendar months as they were frozen; else they roll, too.
        stages: nested, from the lowest to the highest.
    """

    version: str
    demo: bool
    name: Texts
    window_s: Annotated[int, Field(gt=0)]
    bin_s: Annotated[int, Field(gt=0)]
    machine_window_s: Annotated[int, Field(gt=0)]
    app_delay_s: Annotated[int, Field(gt=0)]
    alert_within_s: Annotated[int, Field(gt=0)] = 259_200
    monthly: bool = False
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.window_s % self.bin_s or self.bin_s % 60:
            raise ValueError("a window is whole bins, and a bin whole minutes")
        return self

    @property
    def windows(self) -> int:
        """How many windows the facts must cover."""
        return max(stage.windows for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Check:
    """One condition as it was judged, in the words and figures the evidence shows.

    Attributes:
        unbroken: in how many windows without a break it holds, the newest first; at most `needed`.
        needed: in how many it must.
    """

    stage: str
    text_zh: str
    text_en: str
    held: bool
    unbroken: int
    needed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule made of facts: the highest stage reached (``""`` for none) and every condition.

    Attributes:
        next: the stage above the one reached, the step an enterprise stands before; ``""`` above the last.
    """

    stage: str
    checks: tuple[Check, ...]
    next: str

    @property
    def missing(self) -> tuple[Check, ...]:
        """Conditions of the next stage that fail: why it isn't reached."""
        return tuple(check for check in self.checks if check.stage == self.next and not check.held)


@lru_cache(maxsize=1)
def published_rules() -> dict[str, Rule]:
    """All published rules by version, the oldest first."""
    texts = [files(__package__).joinpath(name).read_text(encoding="utf-8") for name in _PUBLISHED]
    rules = [Rule.model_validate(rule) for text in texts for rule in tomllib.loads(text)["rules"]]
    return {rule.version: rule for rule in rules}


def apply(rule: Rule, facts: Facts) -> Verdict:
    """The verdict of a rule on facts; reads nothing else, so it can be repeated at any time.

    Args:
        rule: one version.
        facts: ``{"windows": [{fact: number}, …]}``, the newest window first.
    """
    windows: list[dict[str, float]] = facts["windows"]
    checks: list[Check] = []
    reached = after = ""
    for stage in rule.stages:
        own = [_check(stage, condition, windows) for condition in stage.conditions]
        checks += own
        # Stages nest: whoever misses one is in none above it.
        if not after:
            reached, after = (stage.key, "") if all(c.held for c in own) else (reached, stage.key)
    return Verdict(reached, tuple(checks), after)


def _check(stage: Stage, condition: Condition, windows: list[dict[str, float]]) -> Check:
    unbroken = len(list(takewhile(condition.holds, windows[: stage.windows])))
    return Check(
        stage.key, condition.text.zh, condition.text.en, unbroken == stage.windows, unbroken, stage.windows
    )


def facts_hash(facts: Facts) -> str:
    """SHA-256 of the facts in one canonical spelling."""
    spelled = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(spelled.encode()).hexdigest()
