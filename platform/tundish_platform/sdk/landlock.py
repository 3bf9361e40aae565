"""Files a process lets itself read, and nothing else: Landlock (Linux 5.13 and later, any processor).

Behind bubblewrap it closes what the name spaces must leave open (``/proc``, the scratch folder); without it,
it is what keeps an app from the server's files. Numbers and layouts are those of linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# These three have the same numbers on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION: Final = 1
_BENEATH: Final = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# Rights of the file system that each version of the interface knows: 13 at first, then one more at a time.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_FILE_RIGHTS: Final = 16
_WITH_NETWORK, _WITH_SCOPES = 4, 6
_BIND_CONNECT: Final = 0b11
_SOCKETS_SIGNALS: Final = 0b11
_PR_SET_NO_NEW_PRIVS: Final = 38
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SYSTEM: Final = ("/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/lib", "/lib64")


def landlock_version() -> int:
    """Version of the interface this kernel has; 0 without one."""
    if sys.platform != "linux":
        return 0
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def readable_places() -> list[str]:
    """What a confined interpreter needs: itself, libraries, our code and the app's, time zones, devices."""
    return [*_SYSTEM, sys.base_prefix, *(place for place in sys.path if place), *_DEVICES]


def limit_files(places: Iterable[str]) -> bool:
    """Let this process and its threads read below `places` and write nowhere, for good.

    Returns:
        Whether the kernel knows Landlock; without, nothing is changed.

    Raises:
        OSError: the kernel knows it and refused.
    """
    version = landlock_version()
    if not version:
        return False
    ruleset = _checked(_CREATE_RULESET, *_attributes(version), 0)
    try:
        for place in dict.fromkeys(places):
            if Path(place).exists():
                _allow(ruleset, place)
        libc = ctypes.CDLL(None, use_errno=True)
        nothing = ctypes.c_ulong(0)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), nothing, nothing, nothing) != 0:
            raise OSError(ctypes.get_errno(), "the process may not give up new privileges")
        _checked(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _attributes(version: int) -> tuple[bytes, int]:
    rights = (1 << _FILE_RIGHTS.get(version, _MOST_FILE_RIGHTS)) - 1
    words = [rights]
    if version >= _WITH_NETWORK:
        words.append(_BIND_CONNECT)
    if version >= _WITH_SCOPES:
        words.append(_SOCKETS_SIGNALS)
    packed = struct.pack(f"={len(words)}Q", *words)
    return packed, len(packed)


def _allow(ruleset: int, place: str) -> None:
    rights = _READ_FILE | _READ_DIR if Path(place).is_dir() else _READ_FILE
    held = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        _checked(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, held), 0)
    finally:
        os.close(held)


def _checked(number: int, *arguments: bytes | int | None) -> int:
    answer = _call(number, *arguments)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock was refused: {os.strerror(code)}")
    return answer


def _call(number: int, *arguments: bytes | int | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments]
    return int(libc.syscall(ctypes.c_long(number), *words))
