"""Who the gateway is to a server: nobody, a user with a password, or the holder of a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_connectors.connector import ConnectorError, ErrorKind

if TYPE_CHECKING:
    from asyncua.client.client import Client

    from tundish_connectors.opcua.config import OpcUaConnection


async def set_login(client: Client, connection: OpcUaConnection) -> None:
    """Give a client, not yet connected, the connection's login.

    Raises:
        ConnectorError: fatal; the user's certificate or key cannot be read.
    """
    if connection.user is not None:
        client.set_user(connection.user)
        client.set_password(connection.password.get_secret_value() if connection.password else "")
    if connection.user_certificate is not None and connection.user_private_key is not None:
        try:
            await client.load_client_certificate(str(connection.user_certificate))
            await client.load_private_key(connection.user_private_key)
        except (OSError, ValueError, TypeError) as error:
            raise ConnectorError(
                ErrorKind.FATAL,
                f"The user's certificate or key cannot be read ({error}). Give DER or PEM files, the key "
                "without a password.",
                f"无法读取用户证书或私钥({error})。请提供 DER 或 PEM 文件,私钥不得加密。",
            ) from error
