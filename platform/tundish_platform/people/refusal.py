"""What is refused to people, with the words for them."""

from __future__ import annotations


class PeopleRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A wish about people, roles, invitations or keys that cannot be met; nothing was changed.

    Attributes:
        code: short word for programs.
        message_zh, message_en: why, and what to do.
        missing: whether the reason is that the thing does not exist.
    """

    def __init__(self, code: str, zh: str, en: str, *, missing: bool = False) -> None:
        super().__init__(en)
        self.code = code
        self.message_zh = zh
        self.message_en = en
        self.missing = missing
