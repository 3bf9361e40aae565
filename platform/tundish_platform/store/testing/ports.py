"""Programs of packages, and ports for them."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path


def program(name: str) -> str:
    """Where a program of an installed package is.

    Raises:
        FileNotFoundError: it is not installed.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing: install the dev extra")
    return found


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
