"""The shelves of the catalogue: industries of GB/T 4754-2017 and problems, by name in both languages."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tundish_platform.sdk import Texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.sdk import Manifest

PROBLEMS: Final[Mapping[str, Texts]] = MappingProxyType(
    {
        "quality": Texts(zh="质量", en="quality"),
        "energy": Texts(zh="能耗", en="energy"),
        "equipment": Texts(zh="设备", en="equipment"),
        "production": Texts(zh="生产", en="production"),
        "supply": Texts(zh="供应", en="supply"),
    }
)
# A letter and two digits: apps differ by division, hardly ever by anything finer.
_DIVISION: Final = 3


@cache
def industries() -> Mapping[str, Texts]:
    """Names by code: letters for sections, with two digits for divisions."""
    rows = tomllib.loads(files(__package__).joinpath("industries.toml").read_text("utf-8"))
    return MappingProxyType({code: Texts(**row) for code, row in rows.items()})


def divisions(manifest: Manifest) -> frozenset[str]:
    """The divisions, or sections where it names no division, that an app was made for; empty for all."""
    return frozenset(code[:_DIVISION] for code in manifest.industries)


def made_for(manifest: Manifest, industry: str) -> bool:
    """Whether an app suits an industry: it was made for it, for a wider one, for a part of it, or for all."""
    codes = divisions(manifest)
    return not codes or any(code.startswith(industry) or industry.startswith(code) for code in codes)


def counts(manifests: Iterable[Manifest]) -> tuple[dict[str, int], dict[str, int]]:
    """How many apps suit each industry that some app names, and how many help with each problem."""
    known = list(manifests)
    named = sorted({code for one in known for code in divisions(one)})
    by_industry = {code: sum(made_for(one, code) for one in known) for code in named}
    by_problem = {name: sum(name in one.problems for one in known) for name in PROBLEMS}
    return by_industry, by_problem
