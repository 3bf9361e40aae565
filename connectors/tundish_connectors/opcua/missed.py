"""Messages that did not arrive: asked for again as long as the server keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from tundish_connectors.opcua.errors import MALFORMED

if TYPE_CHECKING:
    from tundish_connectors.opcua.publish import Notification
    from tundish_connectors.opcua.session import RawSession

_log = structlog.get_logger(__name__)
_UNKNOWN_SUBSCRIPTION = {StatusCodes.BadSubscriptionIdInvalid, StatusCodes.BadNoSubscription}


async def repeat(session: RawSession, subscription: int, number: int) -> Notification | None:
    """The message with a number once more; None where the server does not keep it (any more).

    Some servers answer with an empty message or with another one instead of an error, without end: only the
    very number counts.

    Raises:
        OSError, TimeoutError: the line is gone, which says nothing of the message.
        asyncua.ua.UaStatusCodeError: the server does not know the subscription.
    """
    try:
        notification = await session.republish_raw(subscription, number)
    except MALFORMED as error:
        _log.warning("a repeated notification could not be read", number=number, reason=str(error))
        return None
    except UaStatusCodeError as error:
        if error.code in _UNKNOWN_SUBSCRIPTION:
            raise
        return None
    return notification if notification.sequence == number and not notification.keep_alive else None


async def resend_data(session: RawSession, subscription: int) -> bool:
    """Ask the server to send the present value of every item (OPC 10000-5, 9.2); False where it cannot."""
    request = ua.CallMethodRequest(
        ObjectId=ua.NodeId(ua.Int32(ObjectIds.Server)),
        MethodId=ua.NodeId(ua.Int32(ObjectIds.Server_ResendData)),
        InputArguments=[ua.Variant(ua.UInt32(subscription), ua.VariantType.UInt32)],
    )
    try:
        (result,) = await session.call([request])
    except UaStatusCodeError:
        return False
    return bool(result.StatusCode.is_good())
