"""Holds a partition until it is killed; says so on its output."""

from __future__ import annotations

import sys
import threading

from tundish_platform.store.log.hold import Hold
from tundish_platform.store.log.link import NatsLink

hold = Hold(NatsLink([sys.argv[1]]), int(sys.argv[2]), "child", lease_s=float(sys.argv[3]))
sys.stdout.write(f"{hold.token}\n")
sys.stdout.flush()
threading.Event().wait()
