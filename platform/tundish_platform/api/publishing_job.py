"""Publishes the programme's figures once a month, in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tundish_platform.api.adoption import assessed
from tundish_platform.api.rounds import Rounds
from tundish_platform.programme.published import NothingToPublish, newest_publication, publish
from tundish_platform.programme.simulated import simulated_city
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_platform.api.context import PlatformContext

JOB: Final = "job:figures"
_CLOCK: Final = ZoneInfo("Asia/Shanghai")


def publish_if_due(context: PlatformContext, version: str, now: datetime) -> bool:
    """Publish, unless somebody did this month; returns whether it was done."""
    if context.figures is None:
        return False
    with context.metadata.above(Above.ADOPTION).session() as session:
        if simulated_city(session) is not None:
            return False
        last = newest_publication(session, version)
    if last is not None and _month(last) == _month(now):
        return False
    rule = assessed(context, version, now)
    try:
        with context.metadata.above(Above.ADOPTION).session() as session:
            publish(session, context.figures, rule, JOB, now)
    except NothingToPublish:
        return False
    return True


class FigurePublisher(Rounds):
    """Looks whether a month's figures are due; a publication stands as a whole or not at all.

    Args:
        context: the platform's parts.
        version: of the rules.
        every_s: seconds from one look to the next; the first comes after as long.
    """

    def __init__(self, context: PlatformContext, version: str, every_s: float = 3600.0) -> None:
        super().__init__("figure-publisher", every_s, "figures_not_published")
        self._context = context
        self._version = version

    def round(self, now: datetime) -> None:
        """Publish what is due."""
        publish_if_due(self._context, self._version, now)


def _month(moment: datetime) -> tuple[int, int]:
    local = moment.astimezone(_CLOCK)
    return local.year, local.month
