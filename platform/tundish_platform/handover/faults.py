"""Why something about the hand-over was not done, in words for people."""

from __future__ import annotations


class HandoverRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """What was asked contradicts the plant or what stands already.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class PlanChanged(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Somebody else changed the shift plan since it was read."""


class UnknownHandover(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """There is no such edition or note where the scope may do this."""
