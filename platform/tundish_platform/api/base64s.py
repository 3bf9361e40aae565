"""Files that come as base64 inside JSON."""

from __future__ import annotations

import base64

from tundish_platform.api.errors import Problem


def decoded(text: str, what_zh: str, what_en: str, code: str) -> bytes:
    """The bytes of a text in base64.

    Raises:
        Problem: 422 with that code; the text is no base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # a character outside ASCII is no `binascii.Error`
        raise Problem(422, f"The {what_en} is no base64.", f"{what_zh}不是有效的 base64。", code) from None
