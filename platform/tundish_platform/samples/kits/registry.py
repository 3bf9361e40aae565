"""The line kits by id: one file each, beside this one."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from tundish_platform.samples.kits.kit import LineKit

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDING = ".toml"


class UnknownKit(LookupError):  # noqa: N818 - named for what it says, like the standard library's LookupError kin
    """No line kit has this id; the message lists those there are."""


@cache
def kits() -> Mapping[str, LineKit]:
    """All kits by id.

    Raises:
        ValueError: a file does not hold together; a test reads them all.
    """
    found = sorted(
        (one for one in files("tundish_platform.samples.kits").iterdir() if one.name.endswith(_ENDING)),
        key=lambda one: one.name,
    )
    return MappingProxyType(
        {
            one.name.removesuffix(_ENDING): LineKit.model_validate(
                {"id": one.name.removesuffix(_ENDING), **tomllib.loads(one.read_text("utf-8"))}
            )
            for one in found
        }
    )


def kit(kit_id: str) -> LineKit:
    """One kit.

    Raises:
        UnknownKit: there is none with this id.
    """
    try:
        return kits()[kit_id]
    except KeyError:
        known = ", ".join(sorted(kits()))
        raise UnknownKit(
            f"No line kit is called {kit_id!r}. Choose one of: {known}. / "
            f"没有名为 {kit_id!r} 的产线套件,请从以下选择:{known}。"
        ) from None
