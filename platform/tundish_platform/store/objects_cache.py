"""Local copies of objects that live far away, in a folder of bounded size."""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(slots=True)
class _Copy:
    size: int
    used: float


class ObjectCache:
    """Copies under their objects' names. Objects never change, so that a whole copy stays right.

    The folder is this process's own. A copy from an earlier run is fetched anew: whether it was whole when
    the power went, nobody knows.

    Args:
        folder: of the copies; what lies in it is removed at the start.
        max_bytes: of all copies. Those asked for a moment ago may exceed it, as somebody is reading them.
        keep_s: how long that moment lasts.
        clock: in seconds, never set back.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        keep_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._clock = clock
        self._copies: dict[str, _Copy] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.copy"):
            path.unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        """Of the copies."""
        return self._folder

    def find(self, name: str) -> Path | None:
        """The copy, if there is one of the size that it had when it was made."""
        with self._lock:
            copy = self._copies.get(name)
            path = self._path(name)
            if copy is None or not path.exists() or path.stat().st_size != copy.size:
                return None
            copy.used = self._clock()
            return path

    def temporary(self) -> Path:
        """Where to write what comes in."""
        return self._folder / f"{secrets.token_hex(8)}.copy"

    def take(self, name: str, whole: Path) -> Path:
        """Keep a whole file as the copy of an object; makes room."""
        path = self._path(name)
        size = whole.stat().st_size
        with self._lock:
            os.replace(whole, path)  # noqa: PTH105 - nothing of it needs to survive a power cut
            self._copies[name] = _Copy(size, self._clock())
            self._make_room()
        return path

    def drop(self, name: str) -> None:
        """Forget a copy; missing is fine."""
        with self._lock:
            self._copies.pop(name, None)
            self._path(name).unlink(missing_ok=True)

    def drop_all(self, folder: str) -> None:
        """Forget all copies of a folder's objects."""
        with self._lock:
            names = [name for name in self._copies if name.startswith(f"{folder}/")]
        for name in names:
            self.drop(name)

    def _make_room(self) -> None:
        size = sum(copy.size for copy in self._copies.values())
        idle_since = self._clock() - self._keep_s
        for name, copy in sorted(self._copies.items(), key=lambda item: item[1].used):
            if size <= self._max_bytes or copy.used >= idle_since:
                return
            self._path(name).unlink(missing_ok=True)
            del self._copies[name]
            size -= copy.size

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace('/', '+')}.copy"
