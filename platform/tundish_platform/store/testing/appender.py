"""A process that appends numbered records and notes what was acknowledged, until it is killed.

Started with ``servers partition journal first tenants``: servers and tenants with commas between them; a
thread and a count for each tenant, from `first` upwards.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from tundish_platform.store.log.interface import StoreFailed
from tundish_platform.store.log.jetstream import JetStreamLog
from tundish_platform.store.log.link import NatsLink

if TYPE_CHECKING:
    from tundish_platform.store.log.interface import Log


def append_forever(log: Log, tenant: int, journal: int, first: int) -> None:
    """Append a tenant's counts one after the other; a line in the journal says which are safe."""
    count = first
    while True:
        try:
            (sequence,) = log.append(tenant, [b"%d" % count])
        except StoreFailed:
            # It may be there or not: never told, never sent again, the next one has another number.
            count += 1
            continue
        os.write(journal, b"%d %d %d\n" % (tenant, count, sequence))
        count += 1


def main(servers: str, partition: str, journal: str, first: str, tenants: str) -> None:
    """Append with one thread a tenant."""
    log = JetStreamLog(NatsLink(servers.split(",")), int(partition))
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    threads = [
        threading.Thread(target=append_forever, args=(log, int(tenant), descriptor, int(first)))
        for tenant in tenants.split(",")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
