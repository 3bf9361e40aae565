"""A server on python-opcua 0.98 (the elder library), journalled like the others."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from opcua import Server, ua

settings = json.loads(sys.argv[1])
server = Server()
server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/")
kinds = [ua.SecurityPolicyType.NoSecurity]
if security := settings.get("security"):
    server.set_application_uri(security["uri"])
    server.load_certificate(security["certificate"])
    server.load_private_key(security["private_key"])
    kinds += [ua.SecurityPolicyType.Basic256Sha256_Sign, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    server.user_manager.set_user_manager(
        lambda _, user, password: (user, password) == (security["user"], security["password"])
    )
server.set_security_policy(kinds)
index = server.register_namespace("urn:tundish:test:counters")
parent = server.get_objects_node()
for name in ("Plant", "Line", "Machine"):
    parent = parent.add_object(index, name)
nodes = [
    parent.add_variable(index, f"Counter{at}", ua.Variant(0, ua.VariantType.Int64))
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
        for node in nodes:
            data = ua.DataValue(ua.Variant(value, ua.VariantType.Int64))
            data.SourceTimestamp = data.ServerTimestamp = now.replace(tzinfo=None)
            node.set_value(data)
        journal.write(json.dumps({"value": value, "ts": now.isoformat()}) + "\n")
        time.sleep(settings["period_s"])
