"""The unified social credit code of an enterprise (GB 32100-2015; organisation code of GB 11714-1997)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_SHAPE: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{8}}[0-9X][{_ALPHABET}]")

# No region of GB/T 2260 has this number, so a code with it names no real enterprise.
FICTIONAL_REGION: Final = "999900"


class InvalidUscc(ValueError):  # noqa: N818 - the programme's word for it
    """Not a unified social credit code; `message_zh` says so in Chinese."""

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh


def normalise(text: str) -> str:
    """NFKC, upper case, trimmed. Letters that look like digits are not repaired: that would invent a code."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def check_digit(code: str) -> str:
    """The 18th character that belongs to the first 17."""
    total = sum(_ALPHABET.index(c) * w for c, w in zip(code[:17], _WEIGHTS, strict=True))
    return _ALPHABET[(31 - total % 31) % 31]


def organisation_digit(body: str) -> str:
    """The check character of an organisation code's eight places."""
    total = sum(int(c, 36) * w for c, w in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def check_uscc(text: str, *, demo: bool = False) -> str:
    """The normalised code, if it is one.

    Args:
        text: as typed.
        demo: whether a fictional code (region 999900) is welcome; such a code is refused otherwise.

    Raises:
        InvalidUscc: wrong characters or length, a wrong check character, or a code of the wrong world.
    """
    code = normalise(text)
    if _SHAPE.fullmatch(code) is None:
        raise InvalidUscc(
            f"“{text}”不是统一社会信用代码:应为18位,不含I、O、S、V、Z。请核对营业执照。",
            f"{text!r} is no unified social credit code: it has 18 places without I, O, S, V, Z. "
            "Check the business licence.",
        )
    if code[17] != check_digit(code) or code[16] != organisation_digit(code[8:16]):
        raise InvalidUscc(
            f"“{code}”的校验位不符,可能输错了一位。请核对营业执照。",
            f"{code} fails its check characters, so a place is mistyped. Check the business licence.",
        )
    if (code[2:8] == FICTIONAL_REGION) is not demo:
        raise InvalidUscc(
            f"“{code}”:虚构代码(地区999900)只能用于演示企业,演示企业也只能用虚构代码。",
            f"{code}: fictional codes (region 999900) are for demo enterprises, and they for nothing else.",
        )
    return code
