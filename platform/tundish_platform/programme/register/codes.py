"""Industries (GB/T 4754-2017) and counties (GB/T 2260): names by code, and what a person typed as a code."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

# Provinces of GB/T 2260 by their first two digits.
_PROVINCES: Final = frozenset(
    f"{n}"
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 82))
    for n in range(first, last + 1)
)
_TABLED: Final = "43"
_INDUSTRY: Final = re.compile(r"([A-T])(\d{2})\d{0,2}")
# Three digits may be a class whose leading zero a spreadsheet ate, so they need their letter.
_BARE: Final = re.compile(r"(\d{2})(\d{2})?")
_COUNTY: Final = re.compile(r"[1-8]\d{5}")

Names = tuple[str, str]


class UnknownCode(ValueError):  # noqa: N818 - the register's word for it
    """No such code; the words say what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@lru_cache(maxsize=1)
def industries() -> dict[str, Names]:
    """Sections (``C``) and divisions (``C31``): Chinese and English name by code."""
    read = _table("industries.toml")
    return {code: (zh, en) for part in ("sections", "divisions") for code, (zh, en) in read[part].items()}


@lru_cache(maxsize=1)
def counties() -> dict[str, Names]:
    """Counties and prefectures of Hunan: Chinese and English name by code."""
    read = _table("counties.toml")
    return {code: (zh, en) for part in ("prefectures", "counties") for code, (zh, en) in read[part].items()}


def industry_code(typed: str) -> str:
    """The code with its section's letter, from two to four digits.

    Raises:
        UnknownCode: no division has it, or letter and division do not belong together.
    """
    text = _plain(typed)
    if bare := _BARE.fullmatch(text):
        section = next((code[0] for code in industries() if code[1:] == bare[1]), "")
        text = f"{section}{text}"
    found = _INDUSTRY.fullmatch(text)
    if found is None or f"{found[1]}{found[2]}" not in industries():
        raise UnknownCode(
            f"“{typed:.20}”不是国民经济行业代码 (GB/T 4754-2017)。请写门类字母加大类至小类的数字, 如 C3130。",
            f"{typed:.20} is no industry of GB/T 4754-2017. Write letter and digits, such as C3130.",
        )
    return text


def county_code(typed: str) -> str:
    """The six digits, if a county has them: by table in Hunan, by form elsewhere.

    Raises:
        UnknownCode: none has them, or another code replaced them.
    """
    text = _plain(typed)
    if now := _table("counties.toml")["replaced"].get(text):
        raise UnknownCode(f"{text} 已由 {now} 取代。", f"{text} was replaced by {now}.")
    known = text in counties() if text.startswith(_TABLED) else _elsewhere(text)
    if not known:
        raise UnknownCode(
            f"“{typed:.20}”不是县级行政区划代码 (GB/T 2260)。请写六位数字, 如 431302。",
            f"{typed:.20} is no county of GB/T 2260. Write its six digits, such as 431302.",
        )
    return text


def industry_names(code: str) -> Names:
    """Names of the division that a code lies in; the code itself where nobody knows it."""
    return industries().get(code[:3]) or industries().get(code[:1]) or (code, code)


def county_names(code: str) -> Names:
    """Names of a county; the code itself outside the table."""
    return counties().get(code, (code, code))


def _elsewhere(text: str) -> bool:
    return bool(_COUNTY.fullmatch(text)) and text[:2] in _PROVINCES and not text.endswith("0000")


def _plain(typed: str) -> str:
    return unicodedata.normalize("NFKC", typed).strip().upper()


@lru_cache(maxsize=2)
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
