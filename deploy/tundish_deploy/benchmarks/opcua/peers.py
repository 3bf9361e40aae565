"""The peers' clients, each used as its makers show, with a callback that counts and sums."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.attribute_ids import AttributeIds

from tundish_deploy.benchmarks.opcua.workload import weigh

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_deploy.benchmarks.opcua.meter import Meter

_INTERVAL_MS = 500
_URI = "urn:tundish:bench:client"


class _PerValue:
    """Sums values one by one, and tells the meter at the end of each notification."""

    def __init__(self, meter: Meter, each: int) -> None:
        self._meter = meter
        self._each = each
        self._count = 0
        self._total = 0.0

    def add(self, value: Any, status: int) -> None:  # noqa: ANN401 - any value of OPC UA
        self._total += weigh(value, status)
        self._count += 1
        if self._count == self._each:
            self._meter.add(self._count, self._total)
            self._count, self._total = 0, 0.0


class _Handler(_PerValue):
    """The handler that both Python libraries call with each change."""

    def datachange_notification(self, _node: Any, value: Any, data: Any) -> None:  # noqa: ANN401 - of two libraries
        self.add(value, data.monitored_item.Value.StatusCode.value)


async def _connected(url: str, folder: Path, *, encrypted: bool) -> Client:
    client = Client(url, timeout=30, watchdog_intervall=60)
    client.application_uri = _URI
    if encrypted:
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            certificate=str(folder / "client.der"),
            private_key=str(folder / "client.pem"),
            server_certificate=str(folder / "server.der"),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
    await client.connect()
    return client


async def _until(meter: Meter) -> None:
    # The meter is no event, for it is shared with peers that have threads.
    while not meter.done:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.05)


async def asyncua_handler(
    url: str, folder: Path, items: int, each: int, meter: Meter, *, encrypted: bool
) -> None:
    """Asyncua's subscription with a handler."""
    client = await _connected(url, folder, encrypted=encrypted)
    nodes = [client.get_node(ua.NodeId(ua.Int32(at + 1), ua.Int16(1))) for at in range(items)]
    meter.begin_setup()
    subscription = await client.create_subscription(_INTERVAL_MS, _Handler(meter, each))
    await subscription.subscribe_data_change(nodes, queuesize=100)
    meter.end_setup()
    await _until(meter)
    client.disconnect_socket()


async def asyncua_callback(
    url: str, folder: Path, items: int, each: int, meter: Meter, *, encrypted: bool
) -> None:
    """Asyncua's session with a callback for each publish answer, which spares a task for each value."""
    client = await _connected(url, folder, encrypted=encrypted)
    summing = _PerValue(meter, each)

    async def published(result: ua.PublishResult) -> None:
        for part in result.NotificationMessage.NotificationData or []:
            for item in part.MonitoredItems:
                summing.add(item.Value.Value.Value, item.Value.StatusCode.value)

    meter.begin_setup()
    parameters = ua.CreateSubscriptionParameters()
    parameters.RequestedPublishingInterval = ua.Duration(_INTERVAL_MS)
    parameters.RequestedMaxKeepAliveCount = ua.Counter(10)
    parameters.RequestedLifetimeCount = ua.Counter(1000)
    parameters.PublishingEnabled = True
    session = client.uaclient.session
    created = await session.create_subscription(parameters, published)
    for start in range(0, items, 1000):
        wanted = ua.CreateMonitoredItemsParameters()
        wanted.SubscriptionId = created.SubscriptionId
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Both
        wanted.ItemsToCreate = [_item(at) for at in range(start, min(items, start + 1000))]
        await session.create_monitored_items(wanted)
    meter.end_setup()
    await _until(meter)
    client.disconnect_socket()


def _item(at: int) -> ua.MonitoredItemCreateRequest:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor = ua.ReadValueId(
        NodeId=ua.NodeId(ua.Int32(at + 1), ua.Int16(1)), AttributeId=AttributeIds.Value
    )
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.ClientHandle = ua.IntegerId(at)
    request.RequestedParameters.QueueSize = ua.Counter(100)
    return request


def python_opcua(url: str, folder: Path, items: int, each: int, meter: Meter, *, encrypted: bool) -> None:
    """python-opcua's subscription with a handler."""
    from opcua import Client as OldClient
    from opcua import ua as old

    client = OldClient(url, timeout=30)
    client.application_uri = _URI
    if encrypted:
        certificate, key = folder / "client.der", folder / "client.pem"
        client.set_security_string(f"Basic256Sha256,SignAndEncrypt,{certificate},{key}")
    client.connect()
    nodes = [client.get_node(old.NodeId(at + 1, 1)) for at in range(items)]
    meter.begin_setup()
    subscription = client.create_subscription(_INTERVAL_MS, _Handler(meter, each))
    subscription.subscribe_data_change(nodes, queuesize=100)
    meter.end_setup()
    pause = threading.Event()
    while not meter.done:
        pause.wait(0.05)


async def o6(url: str, folder: Path, items: int, each: int, meter: Meter, *, encrypted: bool) -> None:
    """o6's client on open62541, in its ten-minute mode without a licence."""
    import o6 as library

    security: dict[str, Any] = {}
    if encrypted:
        security = {
            "certificate": folder / "client.der",
            "privateKey": folder / "client.pem",
            "trustList": [folder / "server.der"],
            "securityMode": 3,
            "securityPolicy": "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",
        }
    client = library.Client(url, applicationUri=_URI, **security)
    await client.connect()
    summing = _PerValue(meter, each)
    meter.begin_setup()
    subscription = await client.createSubscription(_INTERVAL_MS, maxNotificationsPerPublish=0)

    def changed(data: Any) -> None:  # noqa: ANN401 - of o6
        summing.add(data.value, int(data.status or 0))

    targets = [f"ns=1;i={at + 1}" for at in range(items)]
    await client.monitor(targets, changed, valueOnly=False, subscription=subscription, queueSize=100)
    meter.end_setup()
    await _until(meter)


Peer = Callable[..., Any]
PEERS: dict[str, Peer] = {
    "asyncua": asyncua_handler,
    "asyncua_callback": asyncua_callback,
    "python-opcua": python_opcua,
    "o6": o6,
}
