"""Limits a process sets on itself before it runs an app: rlimits and, on Linux x86-64, a system call filter.

The filter is classic BPF (linux/filter.h, linux/seccomp.h). It forbids what no app needs: new processes,
programs, sockets, name spaces, tracing. It is a deny list, beside bubblewrap's name spaces, not in their
place.
"""

from __future__ import annotations

import ctypes
import errno
import math
import platform
import resource
import struct
import sys
from pathlib import Path
from typing import Final

FILTER_MACHINES: Final = frozenset({"x86_64"})

# asm/unistd_64.h. clone is judged by its flags; clone3 hides them in memory, so apps are told it is absent.
_DENIED: Final = {
    "socket": 41, "connect": 42, "bind": 49, "socketpair": 53, "fork": 57, "vfork": 58, "execve": 59,
    "kill": 62, "ptrace": 101, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166,
    "tkill": 200, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272,
    "perf_event_open": 298, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
    "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, "io_uring_setup": 425,
    "pidfd_open": 434, "pidfd_getfd": 438,
}  # fmt: skip
_CLONE, _CLONE3, _CLONE_THREAD = 56, 435, 0x00010000
_AUDIT_ARCH_X86_64, _X32_BIT = 0xC000003E, 0x40000000
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _RETURN, _EQUAL, _AT_LEAST, _ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45
_NUMBER_AT, _ARCH_AT, _ARG0_AT = 0, 4, 16
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def filter_available() -> bool:
    """Whether `limit_calls` knows this system's calls."""
    return sys.platform == "linux" and platform.machine() in FILTER_MACHINES


def limit_resources(seconds: float, memory_mb: int) -> None:
    """Limit processor time, memory above what is already mapped, files written (none) and open files."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    space = pages * resource.getpagesize() + memory_mb * 1024 * 1024
    cpu = math.ceil(seconds) + 1
    # A second between the two limits of CPU, so that the signal that ends the process names the reason.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    for limit, value in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def limit_calls() -> None:
    """Install the system call filter for this process and all its threads, for good.

    Raises:
        OSError: the kernel refused it.
    """
    program = _program()
    count = len(program) // struct.calcsize("=HBBI")
    code = ctypes.create_string_buffer(program, len(program))

    class _Fprog(ctypes.Structure):
        _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    fprog = _Fprog(count, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)),
        (_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(fprog)),
    ):
        if libc.prctl(*arguments) != 0:
            code_number = ctypes.get_errno()
            raise OSError(code_number, f"the system call filter was refused: {errno.errorcode[code_number]}")


def _program() -> bytes:
    denied = sorted(_DENIED.values())
    steps = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for number in denied:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    steps += [
        (_EQUAL, 1, 0, _CLONE),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _ARG0_AT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
