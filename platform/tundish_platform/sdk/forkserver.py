"""A confined interpreter that has loaded the libraries and forks one process for each run.

It is started inside bubblewrap, before any tenant's data, and never sees any: it gets descriptors, which its
children read. Each child leaves every name space it shares with its siblings, loses its rights, and confines
itself as a process started on its own does (`tundish_platform.sdk.worker`).

On the socket a request is one message: JSON words and five descriptors (window, archive of the app, standard
output, standard error, status). The status socket tells how it ended; who closes the other end ends the run.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_platform.sdk.confine import mapped_bytes, stand_back
from tundish_platform.sdk.namespaces import close_scratch, cover, drop_rights, leave_all, scratch
from tundish_platform.sdk.worker import serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

READY: Final = b"ready"
APP_PLACE: Final = "/opt/app"
ENDED: Final = struct.Struct("=idq")
"""Exit code, processor seconds and kB of memory of a run that is over."""

_WORDS: Final = 4_096
_DESCRIPTORS: Final = 5
_OWN: Final = 3
_SCRATCH_BYTES: Final = 16 * 2**20
# An archive's files round up to pages, each with its entry.
_ROOM: Final = 2**20
# Of the system's folders nothing is left that two runs could both see and change.
_COVERED: Final = ("/proc", "/dev/shm", "/dev/pts")  # noqa: S108 - covered, not used
_FAILED: Final = 70
_CPU_SPENT: Final = -signal.SIGXCPU


def main(number: int, modules: Sequence[str]) -> None:
    """Load modules, say so, and fork a run for each request until nobody can ask any more.

    Args:
        number: of the descriptor that requests come in by.
        modules: to load first; those that are not installed are left out.
    """
    stand_back()
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Children need not be waited for here, and objects made so far are not looked at again by theirs.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=number) as control:
        control.send(READY)
        while True:
            words, descriptors, _, _ = socket.recv_fds(control, _WORDS, _DESCRIPTORS)
            if not words:
                return
            if os.fork() == 0:
                control.close()
                _keep(json.loads(words), descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _keep(words: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the parent of one run: end it when nobody waits for it, tell its exit code when it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *given, status = descriptors
    ended = (_FAILED, 0.0, 0)
    try:
        leave_all()
        child = os.fork()
        if child == 0:
            os.close(status)
            _run(words, given)
        for descriptor in given:
            os.close(descriptor)
        ended = _ended(child, status, float(words["seconds"]))
    finally:
        with contextlib.suppress(OSError):
            os.write(status, ENDED.pack(*ended))
        os._exit(0)


def _ended(child: int, status: int, seconds: float) -> tuple[int, float, int]:
    """The exit code, negative for a signal; processor seconds; kB of memory at most."""
    poll = select.poll()
    watched = os.pidfd_open(child)
    for descriptor in (watched, status):
        poll.register(descriptor, select.POLLIN)
    if watched not in {descriptor for descriptor, _ in poll.poll()}:
        os.kill(child, signal.SIGKILL)
    _, ended, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(ended)
    # The first process of a name space does not hear the warning that comes before the kill.
    cpu = used.ru_utime + used.ru_stime
    spent = code == -signal.SIGKILL and cpu > seconds
    return _CPU_SPENT if spent else code, cpu, used.ru_maxrss


def _run(words: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the run: nothing of what the server holds is left open, mounted or allowed."""
    code = _FAILED
    try:
        window, archive, output, errors = descriptors
        packed = _all_of(archive)
        for number, descriptor in enumerate((window, output, errors)):
            os.dup2(descriptor, number)
        os.closerange(_OWN, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        # A group of its own, to which alone it can send signals; the session stays, with its weight.
        os.setpgid(0, 0)
        mapped = mapped_bytes()
        _furnish(packed)
        drop_rights()
        # Siblings must not draw the same numbers.
        random.seed()
        np.random.seed()  # noqa: NPY002 - the state that apps inherit
        serve(float(words["seconds"]), int(words["memory_mb"]), mapped, filtered=True)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - whatever an app raises is told to whoever reads the log
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        for said in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                said.flush()
        os._exit(code)


def _all_of(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


def _furnish(packed: bytes) -> None:
    """A scratch folder, the app's files where they can be imported from, and nothing shared beside them."""
    cover(_COVERED)
    scratch("/tmp", _SCRATCH_BYTES)  # noqa: S108 - the sandbox's own
    os.chdir("/tmp")  # noqa: S108 - the sandbox's own
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        scratch(APP_PLACE, 2 * sum(info.file_size + _WORDS for info in files.infolist()) + _ROOM)
        files.extractall(APP_PLACE)
    close_scratch(APP_PLACE)
    sys.path.insert(0, APP_PLACE)
