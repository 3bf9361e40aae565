"""Rules that map browse paths to the tenant's signals in bulk; the first that fits a variable decides.

A pattern is a path of browse names: ``*`` stands for anything within a level, ``**`` for any number of
levels, ``{name}`` for one level that the new path may use again, ``{rest}`` at the end for all that is left.
With a type, the pattern begins below an object of that type, and ``{object}`` is that object's path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, field_validator

from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.companion import Typed

_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\{\w+\}|[^*?{]+|\{")
# "**/" may also stand for no level at all.
_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_SPECIAL = re.compile(r"[*?{]")
_PLACE = re.compile(r"\{(\w+)\}")
_DESCRIBING = ("name_zh", "name_en", "semantic", "role", "unit", "low", "high", "period_s", "step")


class Rule(BaseModel):
    """One row of a rules file; what is None stays as the server, the kit or the specification says.

    Attributes:
        row: number of the row in its file, for messages.
        match: pattern of the path on the server.
        type: browse name of a type; the pattern then begins below its objects.
        collect: False leaves the matching variables out.
        path: the path in the tenant, with places such as ``{name}``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: int
    match: str
    type: str | None = None
    collect: bool = True
    path: str | None = None
    name_zh: str | None = None
    name_en: str | None = None
    semantic: str | None = None
    role: SignalRole | None = None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    period_s: float | None = None
    step: bool | None = None

    @field_validator("match")
    @classmethod
    def _check_match(cls, value: str) -> str:
        if not value or value.startswith("/") or value.endswith("/"):
            raise ValueError("a pattern is a path without a slash at either end")
        try:
            pattern_of(value)
        except re.error as error:
            raise ValueError(f"the pattern cannot be read: {error}") from error
        return value

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled."""
        return pattern_of(self.match)

    @property
    def places(self) -> set[str]:
        """Names that the new path may use."""
        return set(self.pattern.groupindex) | ({"object"} if self.type else set())

    def unknown_places(self) -> list[str]:
        """Places of the new path that the pattern does not fill."""
        return sorted(set(_PLACE.findall(self.path or "")) - self.places)

    def fit(self, path: str, typed: Typed) -> dict[str, str] | None:
        """What the places are filled with, if the rule is about this variable."""
        if self.type is None:
            found = self.pattern.fullmatch(path)
            return found.groupdict() if found else None
        for above, rest in typed.above(path):
            if any(name == self.type for _, name in above.types) and (found := self.pattern.fullmatch(rest)):
                return {**found.groupdict(), "object": above.path}
        return None

    def new_path(self, places: dict[str, str]) -> str | None:
        """The path in the tenant; None where the rule does not give one."""
        return None if self.path is None else _PLACE.sub(lambda place: places[place[1]], self.path)

    def describe(self, spec: SignalSpec) -> SignalSpec:
        """The specification with what the rule says of it."""
        said = {name: getattr(self, name) for name in _DESCRIBING if getattr(self, name) is not None}
        if spec.kind is SampleKind.TEXT:
            # A text never changes in between, whatever a row says.
            said["step"] = True
        return SignalSpec.model_validate({**spec.model_dump(), **said})


def pattern_of(match: str) -> re.Pattern[str]:
    """A rule's pattern as a regular expression.

    Raises:
        re.error: the same place stands in it twice, or its name is no word.
    """
    parts: list[str] = []
    for piece in _PIECE.findall(match):
        if piece in _WILD:
            parts.append(_WILD[piece])
        elif place := _PLACE.fullmatch(piece):
            parts.append(f"(?P<{place[1]}>{'.+' if place[1] == 'rest' else '[^/]+'})")
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in their order."""

    rules: tuple[Rule, ...] = ()
    _plain: dict[str, int] = field(init=False, default_factory=dict)
    _patterns: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        for at, rule in enumerate(self.rules):
            if rule.type is None and not _SPECIAL.search(rule.match):
                self._plain.setdefault(rule.match, at)
            else:
                self._patterns.append(at)

    def find(self, path: str, typed: Typed) -> tuple[Rule, dict[str, str]] | None:
        """The first rule about a variable, and what its places are filled with."""
        # An export has a row for each of a hundred thousand variables; they are not gone through each time.
        plain = self._plain.get(path, len(self.rules))
        for at in self._patterns:
            if at > plain:
                break
            places = self.rules[at].fit(path, typed)
            if places is not None:
                return self.rules[at], places
        return (self.rules[plain], {}) if plain < len(self.rules) else None


def literal(path: str) -> str:
    """A pattern that fits exactly this path."""
    # A brace or star in a browse name would be read as a place; a question mark fits any single character.
    return re.sub(r"[*{?]", "?", path)


def rule_of(row: int, server_path: str, spec: SignalSpec) -> Rule:
    """The rule that says of one variable exactly what is known of it."""
    said = {name: getattr(spec, name) for name in _DESCRIBING}
    return Rule(row=row, match=literal(server_path), path=_escaped(spec.path), **said)


def _escaped(path: str) -> str:
    return path if not _PLACE.search(path) else path.replace("{", "(").replace("}", ")")


def unused(rules: RuleSet, used: Sequence[Rule]) -> list[Rule]:
    """The rules that fit no variable, often for a slip in writing."""
    rows = {rule.row for rule in used}
    return [rule for rule in rules.rules if rule.row not in rows]
