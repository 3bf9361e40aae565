"""Publish requests in flight, messages in order, nothing acknowledged that is not on disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from tundish_connectors.opcua.errors import MALFORMED, SubscriptionGone, lost
from tundish_connectors.opcua.missed import repeat
from tundish_connectors.opcua.publisher import open_publisher
from tundish_connectors.opcua.sequence import SequenceWatch
from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.opcua.items import Items
    from tundish_connectors.opcua.publish import Notification
    from tundish_connectors.opcua.pulse import Pulse
    from tundish_connectors.opcua.session import RawSession

_log = structlog.get_logger(__name__)
_PAUSE_S = 0.5
_QUIET_KEEP_ALIVES = 4
_LEAST_QUIET_S = 3.0
_BORNE = {StatusCodes.BadTimeout, StatusCodes.BadRequestTimeout, StatusCodes.BadSequenceNumberUnknown}


class Pump:
    """Takes one subscription's messages; it goes on where it stopped when the session is renewed.

    Attributes:
        session: the one to publish on.
        subscription: the server's number.
        patience_s: without any answer for so long, the line is probed.
        keep_alive_s: a server without news shows itself this often.
        publishing_s: it looks for news this often.
        resend: something was lost for good, so that present values should be asked for.
    """

    def __init__(
        self, session: RawSession, intake: Intake, items: Items, pulse: Pulse, requests: int
    ) -> None:
        self.session = session
        self.subscription = 0
        self.patience_s = _LEAST_QUIET_S
        self.keep_alive_s = 1.0
        self.publishing_s = 1.0
        self.resend = False
        self._intake = intake
        intake.queues = items
        self._items = items
        self._pulse = pulse
        self._most_requests = requests
        self._watch = SequenceWatch()
        self._safe: list[int] = []
        self._refused: list[int] = []

    async def run(self) -> None:
        """Publish until the line or the subscription is lost.

        Raises:
            SubscriptionGone: it has to be made anew.
            ConnectorError: the line is lost; the subscription may still live.
            asyncua.ua.UaError, OSError, TimeoutError: as a call raised them.
        """
        publisher = open_publisher(self.session, self._most_requests, self.publishing_s)
        quiet_s = 0.0
        try:
            while True:
                while self._refused:
                    await self._take_refused()
                publisher.most = self._most_requests
                publisher.acknowledge([(self.subscription, number) for number in self._safe])
                self._safe = []
                answers = await publisher.answers(self.patience_s)
                quiet_s = 0.0 if answers else quiet_s + self.patience_s
                if not answers:
                    await self._doubt(quiet_s)
                await self._handle(answers)
        finally:
            await publisher.close()

    async def _doubt(self, quiet_s: float) -> None:
        """No answer in time: is it the line, or a server that forgets to publish?"""
        try:
            await self._pulse.beat(self.session)
        except (UaError, OSError, TimeoutError) as error:
            raise lost(f"no answer for {quiet_s:.1f} s ({type(error).__name__})") from error
        if quiet_s > max(_LEAST_QUIET_S, _QUIET_KEEP_ALIVES * self.keep_alive_s):
            raise SubscriptionGone(f"the server answers, but has not published for {quiet_s:.1f} s")

    async def _handle(self, answers: Iterable[Notification | BaseException]) -> None:
        mine: list[Notification] = []
        failure: BaseException | None = None
        for answer in answers:
            if isinstance(answer, BaseException):
                failure = failure if self._bear(answer) else answer
            elif answer.subscription == self.subscription:
                mine.append(answer)
        mine.sort(key=lambda one: self._watch.distance(one.sequence))
        await self._keep(mine)
        for one in mine:
            if one.status_change is not None:
                raise SubscriptionGone(ua.StatusCode(ua.UInt32(one.status_change)).name)
        if failure is not None:
            raise failure

    def _bear(self, error: BaseException) -> bool:
        """Whether an error of one publish request leaves the subscription as it is."""
        if isinstance(error, MALFORMED):
            # Its number is missed with the next message, which asks for it again or records the gap.
            _log.warning("a notification could not be read", reason=str(error))
            return True
        code = error.code if isinstance(error, UaStatusCodeError) else None
        if code == StatusCodes.BadTooManyPublishRequests and self._most_requests > 1:
            self._most_requests -= 1
            return True
        if code == StatusCodes.BadNoSubscription:
            raise SubscriptionGone("BadNoSubscription") from error
        return code in _BORNE

    async def _keep(self, notifications: list[Notification]) -> None:
        """Take messages and what is missing before them; on disk they may be acknowledged."""
        expected = self._watch.expected
        kept: list[int] = []
        try:
            for notification in notifications:
                kept += await self._follow(notification)
        except (UaError, OSError, TimeoutError):
            # All of it is asked for again; what comes twice replaces itself.
            self._watch.expected = expected
            self._intake.flush()
            raise
        self._flush(kept)

    def _flush(self, numbers: list[int]) -> None:
        if self._intake.flush():
            self._safe += numbers
            return
        # Not lost yet: the server keeps what is not acknowledged, and nothing more is asked for meanwhile.
        self._refused += numbers
        self._intake.tracker.unmark(GapReason.SPOOL_FULL)

    async def _follow(self, notification: Notification) -> list[int]:
        """Take a notification and, before it, what is missing; returns the numbers to acknowledge."""
        missing = self._watch.missing(notification.sequence, keep_alive=notification.keep_alive)
        if missing is None:
            return [notification.sequence]
        kept = [number for number in missing if await self._repeat(number, GapReason.SEQUENCE)]
        self._intake.take(notification)
        return kept if notification.keep_alive else [*kept, notification.sequence]

    async def _repeat(self, number: int, reason: GapReason) -> bool:
        notification = await repeat(self.session, self.subscription, number)
        if notification is not None:
            self._intake.take(notification)
            return True
        # At once, so that a later message that can be repeated closes the gap behind this one.
        _log.warning("a notification is lost", number=number, reason=reason.value)
        self._intake.tracker.mark(reason)
        self.resend = True
        return False

    async def _take_refused(self) -> None:
        """Back-pressure: wait, then ask again for what the spool had no room for."""
        await asyncio.sleep(_PAUSE_S)
        numbers, self._refused = self._refused, []
        try:
            kept = [number for number in numbers if await self._repeat(number, GapReason.SPOOL_FULL)]
        except BaseException:
            self._refused = numbers
            self._intake.flush()
            raise
        self._flush(kept)

    async def catch_up(self) -> None:
        """Take what was sent on a line that broke: all numbers from the expected one that the server keeps.

        Raises:
            asyncua.ua.UaError, OSError, TimeoutError: as the call raised them.
        """
        while True:
            number = self._watch.expected
            notification = await repeat(self.session, self.subscription, number)
            if notification is None:
                return
            self._watch.missing(number, keep_alive=False)
            self._intake.take(notification)
            self._flush([number])
            if self._refused:
                return

    def give_up(self) -> None:
        """The subscription is gone, and with it whatever the server still kept."""
        reason = GapReason.SPOOL_FULL if self._refused else GapReason.DISCONNECTED
        self._intake.tracker.mark(reason)
