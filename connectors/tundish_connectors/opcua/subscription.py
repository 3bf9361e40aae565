"""One subscription: items from a desired list, publish requests in flight, nothing acknowledged too early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.opcua.batching import Batching
from tundish_connectors.opcua.decode import DecodeError
from tundish_connectors.opcua.publisher import open_publisher
from tundish_connectors.opcua.sequence import SequenceWatch
from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.opcua.publish import Notification
    from tundish_connectors.opcua.publisher import Answer
    from tundish_connectors.opcua.session import RawSession

_log = structlog.get_logger(__name__)
_LIFETIME_S = 60.0
_DEAF_KEEP_ALIVES = 3
_LEAST_DEAF_S = 3.0
_FILTER_REFUSED = {
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
}

Item = tuple[int, ua.NodeId]


class Subscription:
    """A subscription on one session; when it is lost it is given up, and the next session makes a new one.

    Attributes:
        publishing_s: publishing interval as the server granted it.
        subscribed: slots with a monitored item.
        sampling_ms: how often the server looks at each, as it granted it; 0 for every change. Values that
            change faster than that never leave the server, which is its right and no gap.
    """

    def __init__(self, session: RawSession, intake: Intake, connection: OpcUaConnection, items: int) -> None:
        self._session = session
        self._intake = intake
        self._connection = connection
        self._batching = Batching(items)
        self._watch = SequenceWatch()
        self._id = 0
        self._deaf_s = 0.0
        self._most_requests = connection.publish_requests
        self.publishing_s = connection.publishing_interval_ms / 1000
        self.subscribed: set[int] = set()
        self.sampling_ms: dict[int, float] = {}

    async def create(self) -> None:
        """Create the subscription at the server; errors as asyncua raises them."""
        parameters = ua.CreateSubscriptionParameters()
        interval = self._connection.publishing_interval_ms
        keep_alives = max(1, round(self._connection.keep_alive_s * 1000 / interval))
        parameters.RequestedPublishingInterval = ua.Duration(interval)
        parameters.RequestedMaxKeepAliveCount = ua.Counter(keep_alives)
        parameters.RequestedLifetimeCount = ua.Counter(
            max(3 * keep_alives, round(_LIFETIME_S * 1000 / interval))
        )
        parameters.MaxNotificationsPerPublish = ua.Counter(0)
        parameters.PublishingEnabled = True
        parameters.Priority = ua.Byte(0)
        result = await self._session.create_subscription(parameters, _ignore)
        self._id = result.SubscriptionId
        self.publishing_s = result.RevisedPublishingInterval / 1000
        keep_alive_s = self.publishing_s * result.RevisedMaxKeepAliveCount
        self._deaf_s = max(_LEAST_DEAF_S, _DEAF_KEEP_ALIVES * keep_alive_s)

    async def add(self, items: Sequence[Item]) -> dict[int, str]:
        """Create monitored items; returns the reason for each slot that failed."""
        failed: dict[int, str] = {}
        refused: list[Item] = []
        for (slot, node), result in zip(
            items, await self._batching.run(items, self._create_items), strict=True
        ):
            if result.StatusCode.is_good():
                self._note_granted(slot, result)
            elif result.StatusCode.value in _FILTER_REFUSED:
                refused.append((slot, node))
            else:
                failed[slot] = result.StatusCode.name
        # Without the filter such a server reports changes of value and status only.
        results = await self._batching.run(refused, self._create_plain)
        for (slot, _), result in zip(refused, results, strict=True):
            if result.StatusCode.is_good():
                self._note_granted(slot, result)
            else:
                failed[slot] = result.StatusCode.name
        return failed

    def _note_granted(self, slot: int, result: ua.MonitoredItemCreateResult) -> None:
        self.subscribed.add(slot)
        self.sampling_ms[slot] = float(result.RevisedSamplingInterval)

    async def _create_plain(self, part: Sequence[Item]) -> list[ua.MonitoredItemCreateResult]:
        return await self._create_items(part, filtered=False)

    async def _create_items(
        self, part: Sequence[Item], *, filtered: bool = True
    ) -> list[ua.MonitoredItemCreateResult]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.IntegerId(self._id)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._request(slot, node, filtered=filtered) for slot, node in part]
        return await self._session.create_monitored_items(parameters)

    def _request(self, slot: int, node: ua.NodeId, *, filtered: bool) -> ua.MonitoredItemCreateRequest:
        monitoring = ua.MonitoringParameters()
        monitoring.ClientHandle = ua.IntegerId(slot)
        monitoring.SamplingInterval = ua.Duration(self._connection.sampling_interval_ms)
        monitoring.QueueSize = ua.Counter(self._connection.queue_size)
        monitoring.DiscardOldest = True
        if filtered:
            monitoring.Filter = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value)
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters = monitoring
        return request

    async def pump(self) -> None:
        """Publish until the subscription is lost.

        Raises:
            ConnectorError: retry; the session has to be made anew.
        """
        publisher = open_publisher(self._session, self._most_requests, self.publishing_s)
        try:
            while True:
                answers = await publisher.answers(self._deaf_s)
                if not answers:
                    raise lost(f"no answer for {self._deaf_s:.1f} s")
                publisher.acknowledge(await self._handle(answers))
                publisher.most = self._most_requests
        finally:
            await publisher.close()

    async def _handle(self, answers: Sequence[Answer]) -> list[tuple[int, int]]:
        """Keep what came; returns what may be acknowledged."""
        notifications: list[Notification] = []
        failure: BaseException | None = None
        for answer in answers:
            if isinstance(answer, BaseException):
                failure = failure if self._bear(answer) else answer
            elif answer.subscription == self._id:
                notifications.append(answer)
        notifications.sort(key=lambda one: self._watch.distance(one.sequence))
        kept: list[int] = []
        for notification in notifications:
            kept += await self._follow(notification)
        safe = [(self._id, number) for number in kept] if self._intake.flush() else []
        if failure is not None:
            raise lost(f"{type(failure).__name__}: {failure}") from failure
        for notification in notifications:
            if notification.status_change is not None:
                raise lost(ua.StatusCode(ua.UInt32(notification.status_change)).name)
        return safe

    def _bear(self, error: BaseException) -> bool:
        """Whether an error of one publish request leaves the subscription as it is."""
        if isinstance(error, DecodeError):
            # Its number is missed with the next message, which asks for it again or records the gap.
            _log.warning("a notification could not be read", reason=str(error))
            return True
        code = error.code if isinstance(error, UaStatusCodeError) else None
        if code == StatusCodes.BadTooManyPublishRequests and self._most_requests > 1:
            self._most_requests -= 1
            return True
        return code in {StatusCodes.BadTimeout, StatusCodes.BadRequestTimeout}

    async def _follow(self, notification: Notification) -> list[int]:
        """Take a notification and, before it, what is missing; returns the numbers to acknowledge."""
        missing = self._watch.missing(notification.sequence, keep_alive=notification.keep_alive)
        if missing is None:
            return [notification.sequence]
        kept: list[int] = []
        for number in missing:
            if await self._repeat(number):
                kept.append(number)
            else:
                # At once, so that a later message that can be repeated closes the gap behind this one.
                _log.warning("a notification is lost", number=number)
                self._intake.tracker.mark(GapReason.SEQUENCE)
        self._intake.take(notification)
        return kept if notification.keep_alive else [*kept, notification.sequence]

    async def _repeat(self, number: int) -> bool:
        try:
            notification = await self._session.republish_raw(self._id, number)
        except (UaError, DecodeError):
            return False
        if notification.sequence != number:
            return False
        self._intake.take(notification)
        return True


def _ignore(_: object) -> None:
    """Wanted by asyncua, never called: publishing is ours."""


def lost(why: str) -> ConnectorError:
    """The retryable error for a subscription that has to be made anew."""
    return ConnectorError(
        ErrorKind.RETRY,
        f"The subscription at the OPC UA server was lost ({why}). It is made anew by itself; what was missed "
        "is recorded as a gap.",
        f"与 OPC UA 服务器的订阅中断({why})。系统将自动重建,缺失的时段会记录为数据缺口。",
    )
