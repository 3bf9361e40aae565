"""The way to one server: opened, dropped without a farewell, its session taken up again while it lives."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from asyncua.ua.uaerrors import UaError

from tundish_connectors.opcua.errors import MALFORMED, classify
from tundish_connectors.opcua.login import set_login
from tundish_connectors.opcua.security import own_certificate, secure
from tundish_connectors.opcua.session import RawSession, build_client

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from asyncua import ua
    from asyncua.client.client import Client

    from tundish_connectors.opcua.config import OpcUaConnection

_log = structlog.get_logger(__name__)
_LEAVE_S = 1.0
_LOOK_S = 0.1


@dataclass
class _Session:
    """What is needed to activate a session over another channel (OPC 10000-4, 5.7.3)."""

    token: ua.NodeId
    nonce: bytes | None
    policies: list[ua.UserTokenPolicy]


@dataclass
class Opened:
    """A line with an activated session; ``reactivated`` if it is the one from before."""

    client: Client
    session: RawSession
    reactivated: bool = False


async def open_client(connection: OpcUaConnection) -> tuple[Client, RawSession]:
    """A connected client with an activated session.

    Raises:
        ConnectorError: classified as retry or fatal.
    """
    opened = await Line(connection).open()
    return opened.client, opened.session


async def leave(client: Client) -> None:
    """Close a session as far as the connection allows, in bounded time."""
    with contextlib.suppress(UaError, OSError, TimeoutError):
        await asyncio.wait_for(client.disconnect(), _LEAVE_S)
    # A farewell that timed out has not come to closing the socket.
    client.disconnect_socket()


class Line:
    """Opens lines to one server and remembers the session between them."""

    def __init__(self, connection: OpcUaConnection) -> None:
        self._connection = connection
        self._session: _Session | None = None

    async def open(self) -> Opened:
        """A line with the session from before, or else with a new one.

        Raises:
            ConnectorError: classified as retry or fatal.
        """
        try:
            if self._session is not None:
                opened = await self._reactivate(self._session)
                if opened is not None:
                    return opened
                self._session = None
            client, session = await self._client()
            try:
                await _while_open(client, client.connect())
            except BaseException:
                client.disconnect_socket()
                raise
        except (UaError, OSError, TimeoutError, *MALFORMED) as error:
            raise classify(error, self._connection.url) from error
        return Opened(client, session)

    async def _client(self) -> tuple[Client, RawSession]:
        connection = self._connection
        own = await own_certificate(connection)
        client, session = build_client(connection.url, own.application_uri, connection.request_timeout_s)
        await set_login(client, connection)
        if connection.security_policy != "None":
            await secure(client, connection, own)
        return client, session

    async def _reactivate(self, held: _Session) -> Opened | None:
        """The session from before over a new channel; None where the server does not have it any more."""
        client, session = await self._client()
        await _while_open(client, client.connect_sessionless())
        session.restore_authentication_token(held.token)
        client._policy_ids = held.policies  # noqa: SLF001 - asyncua has no other way
        setattr(client, "_server_nonce", held.nonce)  # noqa: B010 - asyncua declares it as always None
        try:
            await client.activate_session(client._username, client._password, client.user_certificate)  # noqa: SLF001 - as its connect does
        except UaError as error:
            _log.info("the session cannot be taken up", reason=type(error).__name__)
            await drop(client)
            return None
        except BaseException:
            await drop(client)
            raise
        client._start_renew_loop()  # noqa: SLF001 - a channel that is not renewed closes after its lifetime
        return Opened(client, session, reactivated=True)

    async def drop(self, opened: Opened) -> None:
        """Leave the line without closing the session, so that it can be taken up again."""
        client = opened.client
        token = opened.session.authentication_token
        if not token.is_null():
            self._session = _Session(token, client._server_nonce, client._policy_ids)  # noqa: SLF001 - see above
        await drop(client)

    async def close(self, opened: Opened) -> None:
        """Leave for good: the session and what belongs to it are closed at the server."""
        self._session = None
        await leave(opened.client)


async def _while_open(client: Client, opening: Coroutine[Any, Any, None]) -> None:
    """Await an opening, but not longer than the socket is open.

    asyncua waits out its timeout for an answer on a socket that the server closed before the question.
    """
    task = asyncio.create_task(opening)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_LOOK_S)
            protocol = client.uaclient.protocol
            if not task.done() and protocol is not None and protocol.is_closed:
                raise ConnectionError("the server closed the line while it was being opened")
        task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def drop(client: Client) -> None:
    """Close the socket and end asyncua's tasks; the server is told nothing."""
    client.uaclient.request_disconnect()
    tasks: list[asyncio.Task[Any] | None] = [
        client._stale_watchdog_task,  # noqa: SLF001 - its own way to end them closes the session, too
        client._supervisor_task,  # noqa: SLF001 - as above
        client._renew_channel_task,  # noqa: SLF001 - as above
    ]
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    client.disconnect_socket()
