"""Drafts: what shall be there, whether a kit or a type says so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tundish_platform.assets import Instance
    from tundish_platform.samples import SignalSpec
    from tundish_platform.samples.kits import LineKit
    from tundish_platform.samples.templates import RuleTemplate


@dataclass(frozen=True, slots=True)
class Draft:
    """Assets, signals and rules that belong together.

    Attributes:
        source: who declares the signals, such as ``kit:plate-line``.
        names: what assets are called, (Chinese, English) by full path; those without a name are called as
            their part of the path.
        signals: with full paths.
        rules: by full path of their signal.
        keeps_rules: rules that were changed since are brought back. A kit only gives first values, which
            people then tune; a type goes on to say what holds, and what differs is an override.
    """

    source: str
    names: dict[str, tuple[str, str]]
    signals: tuple[SignalSpec, ...]
    rules: tuple[tuple[str, RuleTemplate], ...]
    keeps_rules: bool


def draft_of_kit(kit: LineKit, line: str | None = None) -> Draft:
    """A whole line.

    Args:
        kit: of that kind of line.
        line: its path ``Site/Area/Line``; the kit's default if absent.
    """
    base = line or kit.line
    names = {f"{base}/{path}": name for path, name in kit.names.items()}
    return Draft(
        source=f"kit:{kit.id}",
        names={base: (kit.name_zh, kit.name_en), **names},
        signals=tuple(kit.specs(base)),
        rules=tuple((f"{base}/{rule.signal}", rule) for rule in kit.rules),
        keeps_rules=False,
    )


def draft_of_instance(instance: Instance) -> Draft:
    """One machine of a type."""
    return Draft(
        source=f"type:{instance.type}",
        names={},
        signals=tuple(instance.resolved.specs(instance.path)),
        rules=tuple((f"{instance.path}/{rule.signal}", rule) for rule in instance.resolved.templates()),
        keeps_rules=True,
    )
