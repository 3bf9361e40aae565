"""An asyncua session whose publish answers stay bytes, and without asyncua's own publish loop.

asyncua keeps connection, secure channel and service calls. Its publish loop acknowledges whatever happened to
the data and its reconnect loses subscriptions, so both are replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.common.shortcuts import Shortcuts

from tundish_connectors.opcua.guard import harden
from tundish_connectors.opcua.lane import Lane, open_lane
from tundish_connectors.opcua.publish import Notification, decode_publish, decode_republish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncua.client.ua_client import UaClient, UASocketProtocol

# asyncua probes the server's state on its own; a slow answer there must not be taken for a loss.
_PROBE_S = 10.0
_SESSION_TIMEOUT_MS = 120_000


class RawSession(UaSession):
    """A session that leaves publishing to its owner."""

    def __init__(self, client: UaClient) -> None:
        super().__init__(client)
        self._laid: UASocketProtocol | None = None
        self._lane: Lane | None = None

    @property
    def lane(self) -> Lane | None:
        """The fast way to publish on the present connection; None where asyncua cannot be hooked."""
        protocol = self._client.protocol
        if protocol is not self._laid:
            self._laid = protocol
            self._lane = open_lane(protocol) if protocol is not None else None
        return self._lane

    def ensure_publish_loop(self) -> None:
        """Does nothing: the owner publishes."""

    async def publish_raw(self, acknowledge: Sequence[tuple[int, int]]) -> Notification:
        """Wait for the next notification of any subscription; acknowledge earlier ones with the request.

        Args:
            acknowledge: (subscription, sequence number) of messages that are safe on disk.

        Raises:
            asyncua.ua.UaError: the server answered with an error.
            OSError: the connection is gone.
            DecodeError: the answer is malformed.
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(ua.IntegerId(subscription), ua.Counter(sequence))
            for subscription, sequence in acknowledge
        ]
        return decode_publish(bytes(await self._send_request(request, timeout=0)))

    async def republish_raw(self, subscription: int, sequence: int) -> Notification:
        """Ask once more for a message that the server still keeps; errors as `publish_raw`."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = ua.IntegerId(subscription)
        request.Parameters.RetransmitSequenceNumber = ua.Counter(sequence)
        return decode_republish(bytes(await self._send_request(request)))

    async def answer(self, request: object) -> bytes:
        """The bytes of any request's answer, from its type id on; errors as asyncua raises them."""
        return bytes(await self._send_request(request))


def build_client(url: str, application_uri: str, timeout_s: float) -> tuple[Client, RawSession]:
    """A client with a `RawSession`, not yet connected."""
    harden()
    client = Client(url, timeout=timeout_s, watchdog_intervall=_PROBE_S)
    client.application_uri = application_uri
    client.product_uri = "urn:tundish"
    client.name = client.description = "Tundish"
    client.session_timeout = _SESSION_TIMEOUT_MS
    session = RawSession(client.uaclient)
    client.uaclient.session = session
    client.nodes = Shortcuts(session)
    return client, session
