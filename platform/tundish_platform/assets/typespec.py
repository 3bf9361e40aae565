"""What a type of machine declares, and how a child and an instance override it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tundish_platform.samples import SampleKind, SignalRole, SignalSpec
from tundish_platform.samples.templates import Finite, Name, RuleTemplate, Text
from tundish_platform.samples.units import units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INSTANCE: Final = "instance"
MAX_ENTRIES: Final = 1_000

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
# A variable may stand right below the machine or below components of it.
_Path = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f/]+(/[^\x00-\x1f/]+)*$")]
_Semantic = Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]


class TypeRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A type or an override does not hold together.

    Attributes:
        message_zh, message_en: why.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AttributePart(_Part):
    """Something that is known of a machine and does not change by itself: a rating, a maker."""

    name_zh: Name | None = None
    name_en: Name | None = None
    unit: str | None = None
    value: bool | int | Finite | Text | None = None


class SignalPart(_Part):
    """Fields of a signal; what is absent is inherited."""

    name_zh: Name | None = None
    name_en: Name | None = None
    semantic: _Semantic | None = None
    kind: SampleKind | None = None
    role: SignalRole | None = None
    unit: str | None = None
    low: Finite | None = None
    high: Finite | None = None
    period_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    step: bool | None = None


class RulePart(_Part):
    """Fields of an alarm rule; what is absent is inherited."""

    signal: _Path | None = None
    kind: Literal["high", "low", "bad_quality"] | None = None
    threshold: Finite | None = None
    deadband: Finite | None = None
    on_delay_s: Finite | None = None
    off_delay_s: Finite | None = None
    priority: int | None = None
    name_zh: Name | None = None
    name_en: Name | None = None
    advice_zh: Text | None = None
    advice_en: Text | None = None
    enabled: bool | None = None


class Declared(_Part):
    """What a type adds to its base, or an instance to its type.

    Attributes:
        attributes: by key.
        signals: by path below the machine, ``Component/Variable``.
        rules: by key.
    """

    attributes: Annotated[dict[Key, AttributePart], Field(max_length=MAX_ENTRIES)] = {}
    signals: Annotated[dict[_Path, SignalPart], Field(max_length=MAX_ENTRIES)] = {}
    rules: Annotated[dict[Key, RulePart], Field(max_length=MAX_ENTRIES)] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = [part.unit for part in self.attributes.values()] + [p.unit for p in self.signals.values()]
        for unit in named:
            if unit and unit not in units():
                raise ValueError(f"unit {unit!r} is not in the vocabulary")
        return self


class TypeSpec(Declared):
    """A type of machine as an engineer writes it.

    Attributes:
        base: key of the type it inherits from.
    """

    base: Key | None = None
    name_zh: Name
    name_en: Name


class Entry(BaseModel):
    """One attribute, signal or rule as it holds.

    Attributes:
        fields: its values.
        origin: by field, who said so: ``key@version`` of a type, or ``instance``.
    """

    model_config = ConfigDict(frozen=True)

    fields: dict[str, Any]
    origin: dict[str, str]

    @property
    def overridden(self) -> bool:
        """Whether the instance itself says something of it."""
        return INSTANCE in self.origin.values()


class Resolved(BaseModel):
    """Everything a type or an instance has, inherited or its own."""

    model_config = ConfigDict(frozen=True)

    attributes: dict[str, Entry]
    signals: dict[str, Entry]
    rules: dict[str, Entry]

    def specs(self, base: str) -> list[SignalSpec]:
        """The signals of a machine at this path."""
        return [SignalSpec(path=f"{base}/{path}", **entry.fields) for path, entry in self.signals.items()]

    def templates(self) -> list[RuleTemplate]:
        """The rules, by paths below the machine."""
        return [RuleTemplate(**entry.fields) for entry in self.rules.values()]


def resolve(layers: Sequence[tuple[str, Declared]]) -> Resolved:
    """Lay declarations over each other, field by field; the last one wins.

    Args:
        layers: who says it and what, the most general type first.

    Raises:
        TypeRefused: an entry lacks a field, a signal changes its kind of value, or a rule has no signal.
    """
    attributes = _merged([(who, one.attributes) for who, one in layers])
    signals = _merged([(who, one.signals) for who, one in layers])
    rules = _merged([(who, one.rules) for who, one in layers])
    found = Resolved(attributes=attributes, signals=signals, rules=rules)
    try:
        found.specs("x")
        templates = found.templates()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TypeRefused(
            f"{error.title}.{where} 无法使用: {first['msg']}", f"{error.title}.{where}: {first['msg']}."
        ) from None
    for template in templates:
        if template.signal not in signals:
            raise TypeRefused(
                f"规则 {template.name_zh} 的信号 {template.signal} 不存在。",
                f"Rule {template.name_en} watches {template.signal}, which is not declared.",
            )
    return found


def _merged(layers: Sequence[tuple[str, Mapping[str, _Part]]]) -> dict[str, Entry]:
    fields: dict[str, dict[str, Any]] = {}
    origin: dict[str, dict[str, str]] = {}
    for who, parts in layers:
        for key, part in parts.items():
            said = part.model_dump(mode="json", exclude_none=True)
            if isinstance(part, SignalPart) and key in fields:
                _check_kind(who, key, fields[key], said)
            fields.setdefault(key, {}).update(said)
            origin.setdefault(key, {}).update(dict.fromkeys(said, who))
    return {key: Entry(fields=fields[key], origin=origin[key]) for key in fields}


def _check_kind(who: str, path: str, held: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    kind = held.get("kind", SampleKind.NUMERIC.value)
    if said.get("kind", kind) != kind:
        raise TypeRefused(
            f"{who} 不能把 {path} 的类型由 {kind} 改为 {said['kind']}。",
            f"{who} cannot turn {path} from {kind} into {said['kind']}: others expect {kind}.",
        )
