"""What is refused to publishers and reviewers, with the words for them."""

from __future__ import annotations


class PublishRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A wish about publishers, keys or versions that cannot be met; nothing was changed.

    Attributes:
        status: HTTP status that fits: 404, 409, 422 or 503.
        code: short word for programs.
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, status: int, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.status = status
        self.code = code
        self.message_zh = zh
        self.message_en = en
