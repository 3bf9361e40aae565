"""The processes of `bench opcua`: the server and each client. Run as a module by the benchmark alone."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.server.server import Server
from pydantic import SecretStr

from tundish_deploy.logs import configure_logs

_PERIOD_S: Final = 0.1
_SHOW_EVERY: Final = 1000


async def serve(port: str, items: str) -> None:
    """Write every item each tenth of a second."""
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await server.register_namespace("urn:tundish:bench")
    folder = await server.nodes.objects.add_folder(space, "Bench")
    nodes = [await folder.add_variable(space, f"v{number}", 0.0) for number in range(int(items))]
    async with server:
        turn = 0.0
        while True:
            begun = time.monotonic()
            turn += 1.0
            for node in nodes:
                await server.write_attribute_value(
                    node.nodeid, ua.DataValue(ua.Variant(turn, ua.VariantType.Double))
                )
            await asyncio.sleep(max(0.0, _PERIOD_S - (time.monotonic() - begun)))


def gateway(url: str, folder: str, sink: str) -> None:
    """Our collector as it runs beside a machine."""
    from tundish_connectors.delivery import DeliveryConfig
    from tundish_connectors.opcua import GatewayConfig, OpcUaConnection, run_connector

    connection = OpcUaConnection(
        name="bench", url=url, state_dir=Path(folder), security_policy="None", prefix="Site/Area/Line"
    )
    delivery = DeliveryConfig(base_url=sink, tenant="bench", token=SecretStr("bench"))
    run_connector(GatewayConfig(connection=connection, delivery=delivery))


class _Counting:
    """An empty callback that tells now and then how many values it was given."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._values = 0

    def datachange_notification(self, _node: Any, _value: Any, _data: Any) -> None:  # noqa: ANN401 - of two libraries
        self._values += 1
        if self._values % _SHOW_EVERY == 0:
            new = Path(f"{self._file}.new")
            new.write_text(str(self._values), "utf-8")
            os.replace(new, self._file)  # noqa: PTH105 - read by the parent at any moment


async def asyncua_client(url: str, file: str) -> None:
    """Asyncua's subscription with a handler."""
    async with Client(url) as client:
        folder = await client.nodes.objects.get_child(
            f"{await client.get_namespace_index('urn:tundish:bench')}:Bench"
        )
        subscription = await client.create_subscription(500, _Counting(file))
        await subscription.subscribe_data_change(await folder.get_children(), queuesize=100)
        await asyncio.Event().wait()


def python_opcua_client(url: str, file: str) -> None:
    """python-opcua's subscription with a handler."""
    from opcua import Client as OldClient

    client = OldClient(url)
    client.connect()
    index = client.get_namespace_index("urn:tundish:bench")
    folder = client.get_objects_node().get_child(f"{index}:Bench")
    subscription = client.create_subscription(500, _Counting(file))
    subscription.subscribe_data_change(folder.get_children(), queuesize=100)
    while True:
        time.sleep(1)


def main() -> None:
    """Run the part that the first argument names."""
    configure_logs("ERROR")
    part, *arguments = sys.argv[1:]
    if part == "server":
        asyncio.run(serve(*arguments))
    elif part == "gateway":
        gateway(*arguments)
    elif part == "asyncua":
        asyncio.run(asyncua_client(*arguments))
    else:
        python_opcua_client(*arguments)


if __name__ == "__main__":
    main()
