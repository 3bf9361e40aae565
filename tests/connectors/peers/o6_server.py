"""A server on open62541 (through o6, which ends by itself after ten minutes), journalled like the others."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import o6

TICKS_1970 = 116_444_736_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LoopbackOnly(asyncio.SelectorEventLoop):
    """o6 asks for a listener on every interface and has no setting for it, but takes an event loop."""

    async def create_server(self, factory: Any, host: str, port: int, **options: Any) -> asyncio.Server:  # type: ignore[override]  # noqa: ANN401 - as asyncio has them
        assert host == "0.0.0.0", "o6 listens in another way now"  # noqa: S104 - what is replaced here
        return await super().create_server(factory, "127.0.0.1", port, **options)


class Users(o6.AccessControl):
    """Whoever is anonymous, and the one user with his password."""

    def activateSession(self, endpoint, remoteCertificate, session, userIdentityToken):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG002, N802, N803 - o6's names
        password = getattr(userIdentityToken, "password", None)
        name = getattr(userIdentityToken, "userName", None)
        if name is not None and (str(name), bytes(password)) != (
            security["user"],
            security["password"].encode(),
        ):
            raise o6.StatusCodeError(0x80210000)


settings = json.loads(sys.argv[1])
security = settings.get("security")
options = {}
if security:
    options = {
        "certificate": security["certificate"],
        "privateKey": security["private_key"],
        "trustList": security["trusted"],
        "applicationUri": security["uri"],
        "accessControl": Users(anonymous=True, username=True),
    }
server = o6.Server(settings["port"], loop=LoopbackOnly(), **options)
parent = server.objectsNode
for name in ("Plant", "Line", "Machine"):
    parent = server.addObject(name, parent, nodeId=f"ns=1;s={name}")
nodes = [
    server.addVariable(f"Counter{at}", parent, o6.Int64(0), nodeId=f"ns=1;s=Counter{at}")
    for at in range(settings["signals"])
]
server.start()
sys.stdout.write("ready\n")
sys.stdout.flush()
value = 0
with Path(settings["journal"]).open("a", buffering=1) as journal:
    while True:
        value += 1
        now = datetime.now(UTC)
        data = o6.DataValue(o6.Int64(value))
        # From a datetime, o6 counts in floating point and is a microsecond off now and then.
        data.sourceTimestamp = o6.DateTime((now - EPOCH) // timedelta(microseconds=1) * 10 + TICKS_1970)
        for node in nodes:
            node(data)
        journal.write(json.dumps({"value": value, "ts": now.isoformat()}) + "\n")
        time.sleep(settings["period_s"])
