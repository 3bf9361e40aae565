"""Fonts that hold Chinese and Latin letters, and may be embedded in a file that leaves the house.

No library brings one: what PDF readers substitute for a font that is only named differs from reader to
reader, so a document is refused rather than written without its letters.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

# Open Font License, all of them; the first that is installed is taken.
FAMILIES: Final = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC")
_DEBIAN: Final = Path("/usr/share/fonts/opentype/noto")
_DEBIAN_INDEX: Final = 2  # of Simplified Chinese in Debian's collections
# Above these bits fontconfig numbers the named instances of a variable font.
_INDEX_BITS: Final = 0xFFFF


class FontsMissing(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """No font for Chinese text is installed here.

    Attributes:
        zh, en: what to do.
    """

    def __init__(self) -> None:
        command = "apt-get install fonts-noto-cjk"
        self.zh = f"服务器未安装可嵌入的中文字体, 无法生成 PDF。请运行: {command}"
        self.en = f"No font for Chinese text is installed on the server, so no PDF is made. Run: {command}"
        super().__init__(self.en)


@dataclass(frozen=True, slots=True)
class Fonts:
    """Two weights of a family, each a file and the font's number in it."""

    regular: Path
    bold: Path
    regular_index: int = 0
    bold_index: int = 0


@lru_cache(maxsize=1)
def find_fonts() -> Fonts:
    """The fonts of this machine, by fontconfig, else where Debian puts them.

    Raises:
        FontsMissing: there are none.
    """
    for family in FAMILIES:
        regular = _matched(family, "Regular")
        if regular is not None:
            path, index = regular
            bold, bold_index = _matched(family, "Bold") or regular
            return Fonts(path, bold, index, bold_index)
    regular_file, bold_file = _DEBIAN / "NotoSansCJK-Regular.ttc", _DEBIAN / "NotoSansCJK-Bold.ttc"
    if regular_file.is_file() and bold_file.is_file():
        return Fonts(regular_file, bold_file, _DEBIAN_INDEX, _DEBIAN_INDEX)
    raise FontsMissing


def _matched(family: str, style: str) -> tuple[Path, int] | None:
    """File and number of that family's font; fontconfig names another family where it has none."""
    program = shutil.which("fc-match")
    if program is None:
        return None
    wanted = [program, "-f", "%{family[0]}|%{file}|%{index}", f"{family}:style={style}"]
    told = subprocess.run(wanted, capture_output=True, text=True, timeout=20, check=False).stdout  # noqa: S603 - fixed words
    found, _, place = told.partition("|")
    path, _, index = place.rpartition("|")
    return (Path(path), int(index) & _INDEX_BITS) if found == family else None
