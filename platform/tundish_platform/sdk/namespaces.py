"""Name spaces and mounts of one forked app, made through the C library: `tundish_platform.sdk.forkserver`.

Numbers are those of linux/sched.h, linux/mount.h and linux/capability.h.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

_NEW_NS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC, _NEW_PID, _NEW_NET = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000,
)  # fmt: skip
_ALL: Final = _NEW_NS | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _REC, _PRIVATE = 1, 2, 4, 8, 32, 0x4000, 0x40000
_CAPABILITIES_V3: Final = 0x20080522
_AMBIENT, _CLEAR_ALL = 47, 4


def leave_all() -> None:
    """Leave every name space but the user's; what is forked next is the first process of its own.

    Raises:
        OSError: the process may not.
    """
    _checked(_libc().unshare(_ALL), "unshare")


def cover(places: tuple[str, ...]) -> None:
    """Lay an empty folder that nobody can write to over each place, here and in no other name space."""
    _mount(None, "/", None, _REC | _PRIVATE, "")
    for place in places:
        _mount("tmpfs", place, "tmpfs", _RDONLY | _NOSUID | _NODEV | _NOEXEC, "size=4k,mode=555")


def scratch(place: str, size: int) -> None:
    """Lay an empty folder of at most so many bytes over a place."""
    _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, f"size={size},mode=700")


def close_scratch(place: str) -> None:
    """Let nobody write to a scratch folder from now on."""
    _mount(None, place, None, _REMOUNT | _RDONLY | _NOSUID | _NODEV, "")


def drop_rights() -> None:
    """Give up every capability; without programs to execute, none comes back."""
    libc = _libc()
    nothing = ctypes.c_ulong(0)
    _checked(libc.prctl(_AMBIENT, ctypes.c_ulong(_CLEAR_ALL), nothing, nothing, nothing), "prctl")
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    none = (ctypes.c_uint32 * 6)()
    _checked(libc.capset(ctypes.byref(header), ctypes.byref(none)), "capset")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    answer = _libc().mount(*words, ctypes.c_ulong(flags), data.encode() or None)
    _checked(answer, f"mount {target}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int, what: str) -> None:
    if answer != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
