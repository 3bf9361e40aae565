"""Run by tests as a process of its own: the writer of a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tundish_platform.store import StoreInUse
from tundish_platform.store.remote.writer import run_writer
from tundish_platform.store.write.sealer import SealSettings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


def write(pipe: Connection, root: Path, url: str, seal_rows: int) -> None:
    settings = {"settings": SealSettings(seal_rows=seal_rows)}
    try:
        run_writer(root, url, settings, threading.Event(), started=lambda: pipe.send("ready"))
    except StoreInUse as error:
        pipe.send(str(error))


write(globals()["PIPE"], *globals()["ARGUMENTS"])
