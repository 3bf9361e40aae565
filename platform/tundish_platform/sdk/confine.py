"""Limits a process sets on itself before it runs an app: rlimits and, on Linux x86-64, a system call filter.

The filter is classic BPF (linux/filter.h, linux/seccomp.h). It forbids what no app needs: new processes and
threads, programs, sockets, name spaces, tracing. It is a deny list, beside bubblewrap's name spaces, not in
their place.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import os
import platform
import resource
import struct
import sys
from pathlib import Path
from typing import Final

FILTER_MACHINES: Final = frozenset({"x86_64"})

# asm/unistd_64.h. clone3 hides its flags in memory, so apps are told it is absent.
DENIED_CALLS: Final = {
    # Sockets and other ways to somebody else.
    "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "recvmsg": 47, "bind": 49,
    "listen": 50, "socketpair": 53, "shmget": 29, "shmat": 30, "semget": 64, "msgget": 68, "mq_open": 240,
    "inotify_init": 253, "inotify_init1": 294, "fanotify_init": 300, "fanotify_mark": 301,
    # New processes and threads, other programs, signals to others.
    "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62, "tkill": 200,
    "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424, "pidfd_open": 434,
    # Other processes' memory and descriptors, and tracing.
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
    "process_madvise": 440, "process_mrelease": 448, "move_pages": 279, "migrate_pages": 256,
    "perf_event_open": 298, "userfaultfd": 323, "bpf": 321,
    # Name spaces, mounts and roots.
    "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "unshare": 272, "setns": 308,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
    # Memory that no file system sees, queues of calls past this filter.
    "memfd_create": 319, "memfd_secret": 447, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "io_setup": 206,
    # Keys, the kernel itself, its clocks, its disks.
    "add_key": 248, "request_key": 249, "keyctl": 250, "kexec_load": 246, "kexec_file_load": 320,
    "init_module": 175, "finit_module": 313, "delete_module": 176, "reboot": 169, "swapon": 167,
    "swapoff": 168, "acct": 163, "quotactl": 179, "quotactl_fd": 443, "syslog": 103, "settimeofday": 164,
    "clock_settime": 227, "adjtimex": 159, "clock_adjtime": 305, "sethostname": 170, "setdomainname": 171,
    "ioperm": 173, "iopl": 172, "modify_ldt": 154, "personality": 135, "uselib": 134, "vhangup": 153,
}  # fmt: skip
_CLONE3: Final = 435
_AUDIT_ARCH_X86_64, _X32_BIT = 0xC000003E, 0x40000000
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _RETURN, _EQUAL, _AT_LEAST = 0x20, 0x06, 0x15, 0x35
_NUMBER_AT, _ARCH_AT = 0, 4
_PR_SET_NO_NEW_PRIVS, _SECCOMP, _MODE_FILTER, _ALL_THREADS = 38, 317, 1, 1


def filter_available() -> bool:
    """Whether `limit_calls` knows this system's calls."""
    return sys.platform == "linux" and platform.machine() in FILTER_MACHINES


def mapped_bytes() -> int:
    """What this process has mapped now; asked before ``/proc`` is out of reach."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def stand_back() -> None:
    """Put this process' session as far behind others as the process itself is.

    Where Linux groups processes by session (``sched_autogroup_enabled``), niceness counts within a session
    only: without this a new one weighs as much as the server, however nice its processes are.
    """
    # Other systems and kernels have no such groups; and one that was changed a moment ago may be refused.
    with contextlib.suppress(OSError):
        level = os.getpriority(os.PRIO_PROCESS, 0)
        Path("/proc/self/autogroup").write_text(f"{level}", encoding="ascii")


def limit_resources(seconds: float, memory_mb: int, mapped: int) -> None:
    """Limit processor time, memory above what is mapped already, files written (none) and open files."""
    space = mapped + memory_mb * 1024 * 1024
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
    nothing = ctypes.c_ulong(0)
    refused = libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), nothing, nothing, nothing)
    # prctl would bind this thread alone: what an app gets run by one of Arrow's would be free.
    refused = refused or libc.syscall(
        ctypes.c_long(_SECCOMP),
        ctypes.c_ulong(_MODE_FILTER),
        ctypes.c_ulong(_ALL_THREADS),
        ctypes.byref(fprog),
    )
    if refused:
        raise OSError(ctypes.get_errno(), f"the system call filter was refused ({refused})")


def _program() -> bytes:
    denied = sorted(DENIED_CALLS.values())
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
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
