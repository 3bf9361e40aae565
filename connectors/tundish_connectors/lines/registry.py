"""The built-in line kits by id: a plain table, filled where it stands."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tundish_connectors.lines.hydraulic import HYDRAULIC_BENCH
from tundish_connectors.lines.igbt import IGBT_AGEING
from tundish_connectors.lines.plate import PLATE_LINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_connectors.lines.kit import LineKit

_KITS: Final[Mapping[str, LineKit]] = MappingProxyType(
    {one.id: one for one in (HYDRAULIC_BENCH, IGBT_AGEING, PLATE_LINE)}
)


class UnknownKit(LookupError):  # noqa: N818 - named for what it says, like the standard library's LookupError kin
    """No line kit has this id; the message lists those there are."""


def kits() -> Mapping[str, LineKit]:
    """All kits by id."""
    return _KITS


def kit(kit_id: str) -> LineKit:
    """One kit.

    Raises:
        UnknownKit: there is none with this id.
    """
    try:
        return _KITS[kit_id]
    except KeyError:
        known = ", ".join(sorted(_KITS))
        raise UnknownKit(
            f"No line kit is called {kit_id!r}. Choose one of: {known}. / "
            f"没有名为 {kit_id!r} 的产线套件,请从以下选择:{known}。"
        ) from None
