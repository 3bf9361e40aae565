"""Alarms and conditions of a server (OPC 10000-9): present states first, then each change, and answers back.

A connection of its own is used: alarms are few, and a flood of them must not delay values. After each connect
the server is asked for all present conditions, so a lost event cannot hide an alarm that still stands.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from tundish_connectors.opcua.audit import AuditTrail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tundish_connectors.opcua.session import RawSession

_REFRESH_EVENTS = {
    ObjectIds.RefreshStartEventType,
    ObjectIds.RefreshEndEventType,
    ObjectIds.RefreshRequiredEventType,
}
_BASE, _CONDITION = ObjectIds.BaseEventType, ObjectIds.ConditionType
# What is asked of each event, in this order: the type that has the field, and the way to it.
_FIELDS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (_BASE, ("EventId",)),
    (_BASE, ("EventType",)),
    (_BASE, ("SourceName",)),
    (_BASE, ("Time",)),
    (_BASE, ("Message",)),
    (_BASE, ("Severity",)),
    (_CONDITION, ("ConditionName",)),
    (_CONDITION, ("Retain",)),
    (ObjectIds.AcknowledgeableConditionType, ("AckedState", "Id")),
    (ObjectIds.AcknowledgeableConditionType, ("ConfirmedState", "Id")),
    (ObjectIds.AlarmConditionType, ("ActiveState", "Id")),
    (_CONDITION, ()),
)
_PUBLISHING_MS = 250.0
_KEEP_ALIVES = 8
_QUEUE = 1000


@dataclass(frozen=True, slots=True)
class AlarmState:
    """How a condition stands since an event.

    Attributes:
        condition: its node id on the server, which stays the same from event to event.
        name, source: the condition's name and what it is about.
        severity: 1 … 1000.
        active, acknowledged, confirmed: None where the condition has no such state.
        retain: whether somebody still has to look after it.
        time: when it came so, by the server.
        event: id of the event, wanted for acknowledging.
    """

    condition: str
    name: str
    source: str
    severity: int
    message: str
    active: bool | None
    acknowledged: bool | None
    confirmed: bool | None
    retain: bool
    time: datetime
    event: bytes


class AlarmWatch:
    """The stream of alarm states of one session.

    Attributes:
        refreshed: whether the server told all present conditions; some servers cannot.
    """

    def __init__(self, session: RawSession) -> None:
        self._session = session
        self._subscription = 0
        self.refreshed = False

    async def start(self) -> None:
        """Subscribe to the server's events and ask for all present conditions.

        Raises:
            asyncua.ua.UaError: the server has no events or refuses them.
            OSError: the connection is gone.
        """
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = ua.Duration(_PUBLISHING_MS)
        parameters.RequestedMaxKeepAliveCount = ua.Counter(_KEEP_ALIVES)
        parameters.RequestedLifetimeCount = ua.Counter(30 * _KEEP_ALIVES)
        parameters.PublishingEnabled = True
        made = await self._session.create_subscription(parameters, lambda _: None)
        self._subscription = made.SubscriptionId
        await self._subscribe()
        request = ua.CallMethodRequest(_node(_CONDITION), _node(ObjectIds.ConditionType_ConditionRefresh))
        request.InputArguments = [ua.Variant(self._subscription, ua.VariantType.UInt32)]
        try:
            (answer,) = await self._session.call([request])
            self.refreshed = answer.StatusCode.is_good()
        except UaStatusCodeError:
            self.refreshed = False

    async def _subscribe(self) -> None:
        monitoring = ua.MonitoringParameters()
        monitoring.ClientHandle = ua.IntegerId(1)
        monitoring.SamplingInterval = ua.Duration(0)
        monitoring.QueueSize = ua.Counter(_QUEUE)
        monitoring.Filter = ua.EventFilter(SelectClauses=[_operand(*field) for field in _FIELDS])
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor = ua.ReadValueId(_node(ObjectIds.Server), AttributeIds.EventNotifier)
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters = monitoring
        request = ua.CreateMonitoredItemsParameters()
        request.SubscriptionId = ua.IntegerId(self._subscription)
        request.ItemsToCreate = [item]
        (result,) = await self._session.create_monitored_items(request)
        result.StatusCode.check()

    async def states(self) -> AsyncIterator[AlarmState]:
        """The states as they come; a state is acknowledged to the server once the next one is asked for.

        Raises:
            asyncua.ua.UaError: the subscription is lost.
            OSError: the connection is gone.
        """
        kept: list[ua.SubscriptionAcknowledgement] = []
        waiting: deque[AlarmState] = deque()
        while True:
            # An empty publish answer takes as long as the keep-alive; the session waits longer than that.
            answer = (await self._session.publish(kept)).Parameters
            message = answer.NotificationMessage
            kept = []
            for part in message.NotificationData or []:
                if isinstance(part, ua.StatusChangeNotification):
                    part.Status.check()
                if isinstance(part, ua.EventNotificationList):
                    waiting += [state for event in part.Events if (state := _state(event.EventFields))]
            while waiting:
                yield waiting.popleft()
            if message.NotificationData:
                kept = [ua.SubscriptionAcknowledgement(answer.SubscriptionId, message.SequenceNumber)]


async def acknowledge(session: RawSession, state: AlarmState, comment: str, who: str, state_dir: Path) -> str:
    """Acknowledge a condition at the server; returns the name of its status.

    Args:
        session: of a user who may do so.
        state: as it came last; a newer event makes the server refuse, because nobody has seen that one.
        comment: kept by the server.
        who: the person, for the trail in ``state_dir``.
        state_dir: the connection's folder.

    Raises:
        asyncua.ua.UaError: the server refuses the call itself.
        OSError: the connection is gone, or the trail cannot be written.
    """
    trail = AuditTrail(state_dir)
    entry = trail.ask(who, "acknowledge", f"{state.source}/{state.name}", comment=comment)
    condition = ua.NodeId.from_string(state.condition)
    request = ua.CallMethodRequest(condition, _node(ObjectIds.AcknowledgeableConditionType_Acknowledge))
    request.InputArguments = [
        ua.Variant(state.event, ua.VariantType.ByteString),
        ua.Variant(ua.LocalizedText(comment), ua.VariantType.LocalizedText),
    ]
    try:
        (answer,) = await session.call([request])
    except (UaError, OSError, TimeoutError) as error:
        trail.tell(entry, "failed", reason=str(error))
        raise
    trail.tell(entry, answer.StatusCode.name, node=state.condition)
    return str(answer.StatusCode.name)


def _state(fields: Sequence[ua.Variant]) -> AlarmState | None:
    """The state that an event tells; None for events that are no conditions."""
    said: list[Any] = [one.Value for one in fields]
    event, kind, source, time, message, severity, name, retain, acked, confirmed, active, condition = said
    if isinstance(kind, ua.NodeId) and kind.NamespaceIndex == 0 and kind.Identifier in _REFRESH_EVENTS:
        return None
    if not isinstance(condition, ua.NodeId) or name is None:
        return None
    moment = time if isinstance(time, datetime) else datetime.now(UTC)
    return AlarmState(
        condition=condition.to_string(),
        name=str(name),
        source=str(source or ""),
        severity=int(severity or 0),
        message=str(message.Text or "") if isinstance(message, ua.LocalizedText) else "",
        active=active,
        acknowledged=acked,
        confirmed=confirmed,
        retain=bool(retain),
        time=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
        event=bytes(event or b""),
    )


def _operand(type_id: int, way: tuple[str, ...]) -> ua.SimpleAttributeOperand:
    return ua.SimpleAttributeOperand(
        TypeDefinitionId=_node(type_id),
        BrowsePath=[ua.QualifiedName(name, ua.UInt16(0)) for name in way],
        # The condition's own node id has no way to it: it is an attribute of the event itself.
        AttributeId=ua.IntegerId(AttributeIds.Value if way else AttributeIds.NodeId),
    )


def _node(identifier: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(identifier))
