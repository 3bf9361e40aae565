"""The monitored items of one subscription: what is wanted, what the server granted, what it really has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.session import RawSession

_FILTER_REFUSED = {
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
}
_TOO_LARGE = {
    StatusCodes.BadTooManyOperations,
    StatusCodes.BadRequestTooLarge,
    StatusCodes.BadResponseTooLarge,
    StatusCodes.BadEncodingLimitsExceeded,
    StatusCodes.BadTcpMessageTooLarge,
}
# These say something of the session or the line, not of a node.
_GONE = {
    StatusCodes.BadSessionIdInvalid,
    StatusCodes.BadSessionClosed,
    StatusCodes.BadSessionNotActivated,
    StatusCodes.BadSubscriptionIdInvalid,
    StatusCodes.BadSecureChannelClosed,
    StatusCodes.BadSecureChannelIdInvalid,
    StatusCodes.BadConnectionClosed,
    StatusCodes.BadServerHalted,
    StatusCodes.BadShutdown,
    StatusCodes.BadTimeout,
}

Item = tuple[int, ua.NodeId]


@dataclass(frozen=True, slots=True)
class Granted:
    """A monitored item as the server granted it.

    Attributes:
        node: what it watches.
        number: the server's number of the item.
        sampling_ms: how often the server looks; 0 for every change.
        queue: values it keeps between two notifications.
        filtered: it also reports new source times of an equal value.
    """

    node: ua.NodeId
    number: int
    sampling_ms: float
    queue: int
    filtered: bool


class Items:
    """Creates, checks and renews the monitored items of one subscription.

    Attributes:
        granted: by slot, which is also the client handle.
        shortest_queue: the server kept no fewer values for any item there ever was; 0 before the first.
        batching: operations per call; it outlives the subscription, so what was learned stays learned.
    """

    def __init__(self, session: RawSession, connection: OpcUaConnection, batching: Batching) -> None:
        self.session = session
        self.subscription = 0
        self.granted: dict[int, Granted] = {}
        self.shortest_queue = 0
        self.batching = batching
        self._connection = connection

    async def add(self, items: Sequence[Item]) -> dict[int, str]:
        """Create monitored items; returns the status of each slot that failed.

        Raises:
            asyncua.ua.UaStatusCodeError: session or subscription are gone.
            OSError: the line is.
        """
        failed: dict[int, str] = {}
        refused: list[Item] = []
        for item, result in zip(items, await self._create(items, filtered=True), strict=True):
            if result.StatusCode.value in _FILTER_REFUSED:
                refused.append(item)
            else:
                self._note(item, result, failed, filtered=True)
        # Without the filter such a server reports changes of value and status only.
        for item, result in zip(refused, await self._create(refused, filtered=False), strict=True):
            self._note(item, result, failed, filtered=False)
        return failed

    def _note(
        self, item: Item, result: ua.MonitoredItemCreateResult, failed: dict[int, str], *, filtered: bool
    ) -> None:
        slot, node = item
        if not result.StatusCode.is_good():
            failed[slot] = result.StatusCode.name
            return
        self.granted[slot] = Granted(
            node,
            int(result.MonitoredItemId),
            float(result.RevisedSamplingInterval),
            int(result.RevisedQueueSize),
            filtered,
        )
        # A bound is enough for whom it spares a look at each item, with each message.
        queue = self.granted[slot].queue
        self.shortest_queue = min(self.shortest_queue or queue, queue)

    async def _create(self, items: Sequence[Item], *, filtered: bool) -> list[ua.MonitoredItemCreateResult]:
        full: list[int] = []

        async def call(part: Sequence[Item]) -> list[ua.MonitoredItemCreateResult]:
            if full:
                return _all(part, full[0])
            return await self._create_part(part, full, filtered=filtered)

        return await self.batching.run(items, call)

    async def _create_part(
        self, part: Sequence[Item], full: list[int], *, filtered: bool
    ) -> list[ua.MonitoredItemCreateResult]:
        """One call; a refusal of the whole call is narrowed down to the items that cause it."""
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.IntegerId(self.subscription)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = [self._request(slot, node, filtered=filtered) for slot, node in part]
        try:
            return await self.session.create_monitored_items(parameters)
        except UaStatusCodeError as error:
            if error.code in _GONE or (error.code in _TOO_LARGE and len(part) > 1):
                raise
            if len(part) == 1:
                if error.code == StatusCodes.BadTooManyMonitoredItems:
                    # The server has no room for any; asking for each of the rest would take minutes.
                    full.append(error.code)
                return _all(part, error.code)
        middle = len(part) // 2
        first = await self._create_part(part[:middle], full, filtered=filtered)
        if full:
            return first + _all(part[middle:], full[0])
        return first + await self._create_part(part[middle:], full, filtered=filtered)

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

    async def renew(self, slots: Iterable[int]) -> dict[int, str]:
        """Delete items and create them again; returns as `add`."""
        old = {slot: self.granted.pop(slot) for slot in slots if slot in self.granted}
        await self._delete([one.number for one in old.values()])
        return await self.add([(slot, one.node) for slot, one in old.items()])

    async def drop(self, slots: Iterable[int]) -> None:
        """Delete items that are not wanted any more, or whose node has moved."""
        old = [self.granted.pop(slot) for slot in list(slots) if slot in self.granted]
        await self._delete([one.number for one in old])

    async def _delete(self, numbers: Sequence[int]) -> None:
        async def call(part: Sequence[int]) -> list[ua.StatusCode]:
            parameters = ua.DeleteMonitoredItemsParameters()
            parameters.SubscriptionId = ua.IntegerId(self.subscription)
            parameters.MonitoredItemIds = [ua.IntegerId(number) for number in part]
            return await self.session.delete_monitored_items(parameters)

        await self.batching.run(numbers, call)

    async def lacking(self) -> set[int]:
        """Slots whose item the server no longer has; what nobody wants there is deleted.

        Servers without GetMonitoredItems (OPC 10000-5, 9.1) tell nothing: the watch over each item remains.
        """
        told = await self._told()
        if told is None:
            return set()
        lacking = {slot for slot, one in self.granted.items() if told.get(one.number) != slot}
        for slot in lacking:
            del self.granted[slot]
        known = {one.number for one in self.granted.values()}
        await self._delete([number for number in told if number not in known])
        return lacking

    async def _told(self) -> dict[int, int] | None:
        """Client handle by item number, as the server tells; None where it cannot."""
        argument = ua.Variant(ua.UInt32(self.subscription), ua.VariantType.UInt32)
        request = ua.CallMethodRequest(
            ObjectId=ua.NodeId(ua.Int32(ObjectIds.Server)),
            MethodId=ua.NodeId(ua.Int32(ObjectIds.Server_GetMonitoredItems)),
            InputArguments=[argument],
        )
        try:
            (result,) = await self.session.call([request])
        except UaStatusCodeError as error:
            if error.code in _GONE:
                raise
            return None
        if not result.StatusCode.is_good() or len(result.OutputArguments) != 2:  # noqa: PLR2004 - as specified
            return None
        numbers, handles = (argument.Value or [] for argument in result.OutputArguments)
        if len(numbers) != len(handles):
            return None
        return {int(number): int(handle) for number, handle in zip(numbers, handles, strict=True)}


def _all(part: Sequence[Item], code: int) -> list[ua.MonitoredItemCreateResult]:
    status = ua.StatusCode(ua.UInt32(code))
    return [ua.MonitoredItemCreateResult(StatusCode=status) for _ in part]
