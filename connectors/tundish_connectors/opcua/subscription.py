"""One subscription: made, taken up again on another line or session, and given up only when it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from tundish_connectors.opcua.errors import SubscriptionGone
from tundish_connectors.opcua.items import Item, Items
from tundish_connectors.opcua.missed import resend_data
from tundish_connectors.opcua.pump import Pump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.intake import Intake
    from tundish_connectors.opcua.pulse import Pulse
    from tundish_connectors.opcua.session import RawSession

_log = structlog.get_logger(__name__)
_LIFETIME_S = 60.0
# A keep-alive may come a little late; the probe that follows decides.
_LATE = 1.15
_LEAST_PATIENCE_S = 0.3
_NOT_SUPPORTED = {
    StatusCodes.BadServiceUnsupported,
    StatusCodes.BadNotImplemented,
    StatusCodes.BadNotSupported,
}


class Subscription:
    """A subscription at a server. It outlives lines and, where the server transfers it, sessions.

    Attributes:
        items: its monitored items.
        pulse: the server's clock.
        number: the server's number of it.
        publishing_s: publishing interval as the server granted it.
    """

    def __init__(
        self,
        session: RawSession,
        intake: Intake,
        connection: OpcUaConnection,
        batching: Batching,
        pulse: Pulse,
    ) -> None:
        self._session = session
        self._connection = connection
        self.pulse = pulse
        self.items = Items(session, connection, batching)
        self.publishing = Pump(session, intake, self.items, self.pulse, connection.publish_requests)
        self.number = 0
        self.publishing_s = connection.publishing_interval_ms / 1000

    @property
    def subscribed(self) -> set[int]:
        """Slots with a monitored item."""
        return set(self.items.granted)

    @property
    def sampling_ms(self) -> dict[int, float]:
        """How often the server looks at each slot, as it granted it; 0 for every change.

        Values that change faster than that never leave the server, which is its right and no gap.
        """
        return {slot: one.sampling_ms for slot, one in self.items.granted.items()}

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
        self.number = self.items.subscription = self.publishing.subscription = int(result.SubscriptionId)
        self.publishing_s = result.RevisedPublishingInterval / 1000
        keep_alive_s = self.publishing_s * result.RevisedMaxKeepAliveCount
        self.publishing.keep_alive_s = keep_alive_s
        self.publishing.publishing_s = self.publishing_s
        late_s = max(_LATE * keep_alive_s, keep_alive_s + self.publishing_s)
        self.publishing.patience_s = max(_LEAST_PATIENCE_S, late_s)

    async def add(self, items: Sequence[Item]) -> dict[int, str]:
        """Create monitored items; see `Items.add`."""
        return await self.items.add(items)

    async def take_up(self, session: RawSession, *, transfer: bool) -> bool:
        """Go on with the subscription on another line; False when the server does not have it any more.

        Args:
            session: the one to go on with.
            transfer: it is a new session, to which the subscription has to be moved.

        Raises:
            OSError, TimeoutError: the line is gone again, which says nothing of the subscription.
        """
        self._session = self.items.session = self.publishing.session = session
        try:
            if transfer and not await self._transfer():
                return False
            if not await self._lives():
                return False
            await self.publishing.catch_up()
        except (SubscriptionGone, UaStatusCodeError) as error:
            _log.info("the subscription could not be taken up", reason=str(error))
            return False
        return True

    async def _transfer(self) -> bool:
        parameters = ua.TransferSubscriptionsParameters()
        parameters.SubscriptionIds = [ua.IntegerId(self.number)]
        parameters.SendInitialValues = True
        (result,) = await self._session.transfer_subscriptions(parameters)
        return bool(result.StatusCode.is_good())

    async def _lives(self) -> bool:
        """Whether the server knows the subscription; switching on what is on changes nothing."""
        parameters = ua.SetPublishingModeParameters()
        parameters.PublishingEnabled = True
        parameters.SubscriptionIds = [ua.IntegerId(self.number)]
        try:
            (status,) = await self._session.set_publishing_mode(parameters)
        except UaStatusCodeError as error:
            return error.code in _NOT_SUPPORTED
        return bool(status.is_good())

    async def resend(self) -> None:
        """Have present values sent where messages were lost for good, so that held values are known again."""
        if self.publishing.resend:
            self.publishing.resend = False
            if not await resend_data(self._session, self.number):
                # Creating an item makes any server report its present value.
                await self.items.renew(self.subscribed)

    async def delete(self) -> None:
        """Delete it at the server; errors as asyncua raises them."""
        await self._session.delete_subscriptions([self.number])

    async def pump(self) -> None:
        """Publish until the line or the subscription is lost; errors as `Pump.run`."""
        await self.publishing.run()


def _ignore(_: object) -> None:
    """Wanted by asyncua, never called: publishing is ours."""
