"""A secured plant on python-opcua 0.98: units, an array, a method, a value with history."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from opcua import Server, ua, uamethod

settings = json.loads(sys.argv[1])
folder = Path(settings["folder"])


def allowed(_session: object, user: str, password: str) -> bool:
    return (user, password) == ("op", "right-one")


@uamethod
def double(_parent: object, value: int) -> int:
    return 2 * value


server = Server()
server.set_endpoint(f"opc.tcp://127.0.0.1:{settings['port']}/")
server.set_application_uri("urn:tundish:test:elder")
server.load_certificate(str(folder / "cert.der"))
server.load_private_key(str(folder / "key.pem"))
server.set_security_policy(
    [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
)
server.set_security_IDs(["Username"])
server.user_manager.set_user_manager(allowed)
index = server.register_namespace("urn:tundish:test:elder")
plant = server.get_objects_node().add_object(index, "Plant")
speed = plant.add_variable(index, "Speed", 3.5)
speed.set_writable()
information = ua.EUInformation()
information.UnitId = int.from_bytes(b"MTS", "big")
speed.add_property(0, "EngineeringUnits", information)
limits = ua.Range()
limits.Low, limits.High = 0.0, 12.0
speed.add_property(0, "EURange", limits)
plant.add_variable(index, "Name", "M1")
plant.add_variable(index, "Wave", [1.0, 2.0, 3.0])
plant.add_method(index, "Double", double, [ua.VariantType.Int64], [ua.VariantType.Int64])
kept = plant.add_variable(index, "Kept", -1.0)
server.start()
server.historize_node_data_change(kept, period=None, count=0)
storage = server.iserver.history_manager.storage._datachanges
while len(storage[kept.nodeid]) < 1:
    time.sleep(0.01)
storage[kept.nodeid].clear()
for at in range(20):
    kept.set_value(float(at))
    while len(storage[kept.nodeid]) <= at:
        time.sleep(0.01)
sys.stdout.write("ready\n")
sys.stdout.flush()
while True:
    time.sleep(60)
