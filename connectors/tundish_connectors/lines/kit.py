"""`LineKit`: the contract of one kind of line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

if TYPE_CHECKING:
    from collections.abc import Iterable


class LineKit(BaseModel):
    """What a line of one kind has.

    Attributes:
        id: short name, as configurations write it.
        name_zh, name_en: for people.
        line: default path of the line, ``Site/Area/Line``.
        signals: the expected signals; their paths start below the line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name_zh: str
    name_en: str
    line: str
    signals: tuple[SignalSpec, ...]

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


def measured(
    path: str,
    names: tuple[str, str],
    semantic: str,
    unit: str,
    limits: tuple[float, float],
    period_s: float | None = 1.0,
) -> SignalSpec:
    """A continuous measurement with its EURange; names are (Chinese, English)."""
    return SignalSpec(
        path=path,
        name_zh=names[0],
        name_en=names[1],
        semantic=semantic,
        unit=unit,
        low=limits[0],
        high=limits[1],
        period_s=period_s,
    )


def label(
    path: str, names: tuple[str, str], semantic: str, unit: str, limits: tuple[float, float]
) -> SignalSpec:
    """The outcome of a numeric inspection of one 60-s cycle, which models learn from."""
    return measured(path, names, semantic, unit, limits, period_s=60.0).model_copy(
        update={"role": SignalRole.LABEL, "step": True}
    )


def text(
    path: str,
    names: tuple[str, str],
    semantic: str,
    role: SignalRole = SignalRole.STATE,
    period_s: float | None = None,
) -> SignalSpec:
    """A text that holds until the next one: a state, an identity, a class."""
    return SignalSpec(
        path=path,
        name_zh=names[0],
        name_en=names[1],
        semantic=semantic,
        kind=SampleKind.TEXT,
        role=role,
        period_s=period_s,
        step=True,
    )


def waveform(
    path: str, names: tuple[str, str], semantic: str, unit: str, period_s: float | None
) -> SignalSpec:
    """A block of numbers sent as one array."""
    return SignalSpec(
        path=path,
        name_zh=names[0],
        name_en=names[1],
        semantic=semantic,
        kind=SampleKind.ARRAY,
        unit=unit,
        period_s=period_s,
        step=True,
    )


def count(path: str, names: tuple[str, str], semantic: str, period_s: float) -> SignalSpec:
    """A whole number that counts up."""
    return SignalSpec(
        path=path,
        name_zh=names[0],
        name_en=names[1],
        semantic=semantic,
        kind=SampleKind.INTEGER,
        role=SignalRole.COUNTER,
        unit="1",
        period_s=period_s,
        step=True,
    )
