"""`LineKit`: the contract of one kind of line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.samples.signals import SignalSpec
from tundish_platform.samples.templates import Name, RuleTemplate

if TYPE_CHECKING:
    from collections.abc import Iterable


class LineKit(BaseModel):
    """What a line of one kind has.

    Attributes:
        id: short name, as configurations and addresses write it; the file's name.
        name_zh, name_en: for people.
        line: default path of the line, ``Site/Area/Line``.
        signals: the expected signals; their paths start below the line.
        names: what machines and their parts are called, (Chinese, English) by path below the line.
        rules: alarm rules; they name signals by path below the line.
        dashboards: pages that show the line.
        apps: apps of the marketplace that fit it.
        models: models that learn from its signals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    name_zh: Name
    name_en: Name
    line: Annotated[str, Field(pattern=r"^[^/]+/[^/]+/[^/]+$")]
    signals: tuple[SignalSpec, ...]
    names: dict[str, tuple[Name, Name]] = {}
    rules: tuple[RuleTemplate, ...] = ()
    dashboards: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        paths = {spec.path for spec in self.signals}
        if len(paths) < len(self.signals):
            raise ValueError(f"kit {self.id} has a signal twice")
        parts = {path[:cut] for path in paths for cut, letter in enumerate(path) if letter == "/"}
        if strange := sorted(set(self.names) - parts):
            raise ValueError(f"kit {self.id} names {strange[0]}, on which no signal hangs")
        for rule in self.rules:
            if rule.signal not in paths:
                raise ValueError(f"kit {self.id} has a rule on {rule.signal}, which is no signal of it")
        return self

    def specs(self, line: str | None = None) -> list[SignalSpec]:
        """The signals with full paths ``Site/Area/Line/Machine/Component/Variable``.

        Args:
            line: path of the line, the kit's default if absent.
        """
        base = line or self.line
        return [spec.model_copy(update={"path": f"{base}/{spec.path}"}) for spec in self.signals]

    def missing(self, paths: Iterable[str], line: str | None = None) -> list[SignalSpec]:
        """The expected signals that are not among the full paths a server offers."""
        offered = set(paths)
        return [spec for spec in self.specs(line) if spec.path not in offered]
