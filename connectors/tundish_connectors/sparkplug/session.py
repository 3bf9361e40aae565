"""The MQTT side: paho's thread hands messages to asyncio; STATE says that this host is there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.sparkplug.nodes import NAMESPACE

if TYPE_CHECKING:
    from paho.mqtt.client import Client

    from tundish_connectors.sparkplug.config import SparkplugConnection

_CONNECT_S = 15.0
# Reason codes of CONNACK that no further try will change: user or password, not authorised, client id.
_DENIED = (133, 134, 135)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: topic, payload, when it came (µs since 1970)."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    arrival_us: int


class Session:
    """One connection to the broker; used once."""

    def __init__(self, connection: SparkplugConnection, clock_us: Any) -> None:  # noqa: ANN401 - a function
        from paho.mqtt import client as mqtt  # noqa: PLC0415 - only where MQTT is spoken
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415 - the same

        self._connection = connection
        self._clock_us = clock_us
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[Message] = asyncio.Queue(connection.backlog)
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._connected: asyncio.Future[int] = self._loop.create_future()
        self._subscribed: asyncio.Future[int] = self._loop.create_future()
        self._state_ms = clock_us() // 1000
        self.thrown_away = 0
        self._client: Client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"tundish-{connection.name}",
            clean_session=True,
            reconnect_on_failure=False,
            # What the spool refused shall not count as received at a broker that asks.
            manual_ack=True,
        )
        self._set_up()

    def _set_up(self) -> None:
        connection, client = self._connection, self._client
        if connection.user is not None:
            secret = connection.password.get_secret_value() if connection.password else None
            client.username_pw_set(connection.user, secret)
        if connection.tls:
            ca, own, key = (None if file is None else str(file) for file in (
                connection.ca, connection.certificate, connection.private_key,
            ))  # fmt: skip
            client.tls_set(ca_certs=ca, certfile=own, keyfile=key)
        if connection.host_id is not None:
            client.will_set(self._state_topic, self._state(online=False), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message

    @property
    def _state_topic(self) -> str:
        return f"{NAMESPACE}/STATE/{self._connection.host_id}"

    def _state(self, *, online: bool) -> str:
        return json.dumps({"online": online, "timestamp": self._state_ms})

    async def open(self) -> None:
        """Connect, subscribe, and say that this host is online.

        Raises:
            ConnectorError: classified as retry or fatal.
        """
        connection = self._connection
        try:
            await asyncio.to_thread(
                self._client.connect, connection.host, connection.port, connection.keep_alive_s
            )
            self._client.loop_start()
            code = await asyncio.wait_for(self._connected, _CONNECT_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise unreachable(connection, f"{type(error).__name__}: {error}") from error
        if code:
            raise _denied(connection) if code in _DENIED else unreachable(connection, f"reason code {code}")
        self._client.subscribe([(f"{NAMESPACE}/{group}/#", 1) for group in connection.groups])
        try:
            refused = await asyncio.wait_for(self._subscribed, _CONNECT_S)
        except TimeoutError as error:
            raise unreachable(connection, "the subscription was not confirmed") from error
        if refused:
            raise _denied(connection)
        if connection.host_id is not None:
            self._client.publish(self._state_topic, self._state(online=True), qos=1, retain=True)

    async def take(self, wait_s: float) -> list[Message]:
        """The messages that came, all at once; none if none came in time.

        Raises:
            ConnectorError: the broker is gone.
        """
        if self._messages.empty():
            getting = asyncio.ensure_future(self._messages.get())
            watched: set[asyncio.Future[Any]] = {getting, self._ended}
            try:
                await asyncio.wait(watched, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                first = [getting.result()] if getting.done() and not getting.cancelled() else []
                getting.cancel()
        else:
            first = []
        while not self._messages.empty():
            first.append(self._messages.get_nowait())
        if not first and self._ended.done():
            raise unreachable(self._connection, self._ended.result())
        return first

    def acknowledge(self, messages: list[Message]) -> None:
        """Tell the broker that messages are kept; those of QoS 0 need no word."""
        for message in messages:
            if message.qos:
                self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a command."""
        self._client.publish(topic, payload, qos=0)

    def close(self) -> None:
        """Say that this host goes, and leave."""
        if self._connection.host_id is not None and self._client.is_connected():
            farewell = self._client.publish(self._state_topic, self._state(online=False), qos=1, retain=True)
            farewell.wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        code = int(reason.value)
        self._loop.call_soon_threadsafe(self._settle, self._connected, code)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _properties: Any) -> None:  # noqa: ANN401
        refused = sum(bool(reason.is_failure) for reason in reasons)
        self._hand_over(self._settle, self._subscribed, refused)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        self._hand_over(self._settle, self._ended, str(reason))

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:  # noqa: ANN401 - paho's signature
        taken = Message(message.topic, message.payload, message.mid, message.qos, self._clock_us())
        self._hand_over(self._queue, taken)

    def _hand_over(self, act: Any, *arguments: Any) -> None:  # noqa: ANN401 - a function and its arguments
        # The last words of a connection may come when nobody listens any more.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *arguments)

    @staticmethod
    def _settle(future: asyncio.Future[Any], value: Any) -> None:  # noqa: ANN401 - of either future
        if not future.done():
            future.set_result(value)

    def _queue(self, message: Message) -> None:
        if self._messages.full():
            self.thrown_away += 1
        else:
            self._messages.put_nowait(message)


def unreachable(connection: SparkplugConnection, reason: str) -> ConnectorError:
    """The broker does not answer or has gone."""
    place = f"{connection.host}:{connection.port}"
    return ConnectorError(
        ErrorKind.RETRY,
        f"The MQTT broker at {place} does not answer or has gone ({reason}). It is tried again. Check "
        "address, network, TLS and whether another client uses the same name.",
        f"MQTT 服务器 {place} 无应答或已断开({reason}),将自动重试。请检查地址、网络、TLS,"
        "以及是否有其他客户端使用相同名称。",
    )


def _denied(connection: SparkplugConnection) -> ConnectorError:
    place = f"{connection.host}:{connection.port}"
    return ConnectorError(
        ErrorKind.FATAL,
        f"The MQTT broker at {place} refuses the user or the password. Set them right, and ask the broker's "
        "administrator for the right to read the groups.",
        f"MQTT 服务器 {place} 拒绝了用户名或密码。请更正后重试,并向管理员申请读取相应组的权限。",
    )
