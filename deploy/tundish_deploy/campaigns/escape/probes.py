"""What an app might try to get out, each a few lines that set ``words`` to ``open`` where they succeed.

``@SECRET@`` is a stranger's file, ``@PLACE@`` a file to write, ``@PYTHON@`` an interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tundish_platform.sdk.confine import DENIED_CALLS


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt.

    Attributes:
        code: Python, run with ``words = 'shut'``; an exception is a failure.
        no_control: why it cannot be shown to work without the sandbox; empty where it can.
    """

    name: str
    code: str
    no_control: str = ""


# ruff: noqa: E501 - lines of the probes are programs

# Arguments that the kernel refuses on their own account, so that a call which reaches it harms nobody.
_CALL: Final = """
libc = ctypes.CDLL(None, use_errno=True)
wrong = [ctypes.c_long({first})] + [ctypes.c_long(-1)] * 5
answer = libc.syscall(ctypes.c_long({number}), *wrong)
code = ctypes.get_errno()
if answer >= 0 or code not in (errno.EPERM, errno.ENOSYS):
    words = 'open'
else:
    words = 'absent' if code == errno.ENOSYS else 'shut'
"""
# They do what they are for whatever they are given; each has a probe of its own, or none where it would do harm.
_OWN_PROBES: Final = frozenset({"fork", "vfork", "clone", "vhangup"})
_FIRST: Final = {"modify_ldt": 0, "personality": 0xFFFFFFFF, "unshare": 0x7FFFFFFF, "inotify_init": 0}
_SENTINEL: Final = "import ctypes, errno, os, socket, sys, time, signal, threading, resource\n"

CALLS: Final = tuple(
    Probe(f"call {name}", _CALL.format(number=number, first=_FIRST.get(name, -1)))
    for name, number in sorted(DENIED_CALLS.items())
    if name not in _OWN_PROBES
)

_FILES: Final = {
    "reads the password file": "open('/etc/passwd').read(); words = 'open'",
    "reads a stranger's file": "open('@SECRET@').read(); words = 'open'",
    "lists a stranger's folder": "os.listdir(os.path.dirname('@SECRET@')); words = 'open'",
    "reaches a stranger's file by dots": (
        "open(os.path.join(os.getcwd(), '../' * 12 + '@SECRET@'.lstrip('/'))).read(); words = 'open'"
    ),
    "reaches it by /proc/self/root": "open('/proc/self/root@SECRET@').read(); words = 'open'",
    "reaches it by /proc/1/root": "os.listdir('/proc/1/root/etc'); words = 'open'",
    "reaches it by a symbolic link": """
link = '@PLACE@.link'
os.symlink('@SECRET@', link); open(link).read(); words = 'open'""",
    "swaps a link under a reader": """
link = '@PLACE@.race'
for target in ['/dev/null', '@SECRET@'] * 5:
    os.symlink(target, link + 'x'); os.replace(link + 'x', link)
open(link).read(); words = 'open'""",
    "makes a hard link": "os.link('@SECRET@', '@PLACE@.hard'); words = 'open'",
    "writes a file": "f = open('@PLACE@', 'w'); f.write('x' * 9000); f.close(); words = 'open'",
    "makes an empty file": "os.close(os.open('@PLACE@.empty', os.O_CREAT | os.O_WRONLY)); words = 'open'",
    "makes a folder": "os.mkdir('@PLACE@.folder'); words = 'open'",
    "leaves a name in the scratch folder": "open('/tmp/name-left', 'w').close(); words = 'open'",
    "leaves a name in shared memory": "open('/dev/shm/name-left', 'w').close(); words = 'open'",
    "makes a device": "os.mknod('@PLACE@.fifo', 0o010600); words = 'open'",
    "changes a file's rights": "os.chmod('@SECRET@', 0o600); words = 'open'",
    "changes the libraries": """
place = os.path.dirname(os.__file__)
os.close(os.open(os.path.join(place, 'written-here'), os.O_CREAT | os.O_WRONLY))
os.remove(os.path.join(place, 'written-here')); words = 'open'""",
    "opens a terminal": "os.openpty(); words = 'open'",
    "reads the kernel's messages": "os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK); words = 'open'",
    "reads the disk": "words = 'open' if os.path.exists('/sys/block') or os.listdir('/dev/disk') else 'shut'",
    "reads /sys": "os.listdir('/sys'); words = 'open' if os.listdir('/sys') else 'shut'",
    "walks up the working folder": "words = 'open' if os.path.exists('/etc/hostname') else 'shut'",
    "sees who uses the machine": "words = 'open' if os.path.exists('/etc/group') else 'shut'",
    "imports the store": "import tundish_platform.tenancy; words = 'open'",
    "imports the server": "import tundish_platform.api; words = 'open'",
}
_PROC: Final = {
    "sees other processes": "words = 'open' if sum(p.isdigit() for p in os.listdir('/proc')) > 3 else 'shut'",
    "reads process 1's environment": "open('/proc/1/environ', 'rb').read(); words = 'open'",
    "reads its parent's command": "open(f'/proc/{os.getppid()}/cmdline').read(); words = 'open'",
    "reads its own maps": "open('/proc/self/maps').read(); words = 'open'",
    "writes its own memory": "open('/proc/self/mem', 'r+b').close(); words = 'open'",
    "lists its descriptors": "words = 'open' if len(os.listdir('/proc/self/fd')) else 'shut'",
    "reads the mounts": "open('/proc/self/mountinfo').read(); words = 'open'",
    "reads kernel settings": "open('/proc/sys/kernel/hostname').read(); words = 'open'",
    "reads the kernel's symbols": "open('/proc/kallsyms').readline(); words = 'open'",
    "reads its score with the memory killer": "open('/proc/self/oom_score_adj').read(); words = 'open'",
    "sees the server's environment": "words = 'open' if os.environ.get('TUNDISH_SECRET') else 'shut'",
    "knows the machine's name": "words = 'shut' if socket.gethostname() in ('app', '') else 'open'",
    "has inherited a descriptor": """
import stat
for number in range(3, 64):
    try:
        kind = os.fstat(number).st_mode
    except OSError:
        continue
    if stat.S_ISSOCK(kind) or stat.S_ISREG(kind) or stat.S_ISDIR(kind):
        words = 'open'""",
}
_PROCESSES: Final = {
    "starts a process": "pid = os.fork(); os._exit(0) if pid == 0 else os.waitpid(pid, 0); words = 'open'",
    "starts one by the old call": """
pid = ctypes.CDLL(None).syscall(57)
if pid == 0: os._exit(0)
words = 'open' if pid > 0 else 'shut'""",
    "starts one by vfork": """
answer = ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0)
if answer == 0: os._exit(0)
words = 'open' if answer > 0 else 'shut'""",
    "starts a thread": "t = threading.Thread(target=int); t.start(); t.join(); words = 'open'",
    "starts a thousand threads": """
threading.stack_size(65536); wait = threading.Event(); made = 0
try:
    for _ in range(1000):
        threading.Thread(target=wait.wait, daemon=True).start(); made += 1
finally:
    wait.set()
words = 'open' if made > 900 else 'shut'""",
    "forks a hundred times": """
made = []
for _ in range(100):
    pid = os.fork()
    if pid == 0: os._exit(0)
    made.append(pid)
for pid in made: os.waitpid(pid, 0)
words = 'open'""",
    "spawns another program": (
        "os.waitpid(os.posix_spawn('@PYTHON@', ['p', '-c', ''], {}), 0); words = 'open'"
    ),
    "becomes another program": """
pid = os.fork()
if pid == 0: os.execv('@PYTHON@', ['p', '-c', ''])
words = 'open' if os.waitpid(pid, 0)[1] == 0 else 'shut'""",
    "runs a program in memory": """
fd = os.memfd_create('x', 0); os.write(fd, open('/bin/true', 'rb').read()); pid = os.fork()
if pid == 0:
    try: os.execve(fd, ['x'], {})
    finally: os._exit(9)
words = 'open' if os.waitpid(pid, 0)[1] == 0 else 'shut'""",
    "makes a file in memory": "os.memfd_create('x'); words = 'open'",
    "signals its parent": "os.kill(os.getppid(), 0); words = 'open'",
    "signals everybody": "os.kill(-1, 0); words = 'open'",
    "signals a group": "os.killpg(0, 0); words = 'open'",
    "is traced": "words = 'open' if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 else 'shut'",
    "opens itself as a descriptor": "os.pidfd_open(os.getpid()); words = 'open'",
    "reads memory as another process": """
class Part(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]
text = ctypes.create_string_buffer(b'x'); room = ctypes.create_string_buffer(2)
here, there = Part(ctypes.addressof(room), 1), Part(ctypes.addressof(text), 1)
answer = ctypes.CDLL(None).process_vm_readv(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
words = 'open' if answer == 1 else 'shut'""",
    "runs code on a thread that was there before": """
import numpy as np, pyarrow as pa, pyarrow.compute as pc
found = []
def tried(_context, column):
    try:
        socket.socket().close(); found.append('open')
    except OSError as error:
        found.append('shut')
    return column
pc.register_scalar_function(tried, 'tried', {'summary': '', 'description': ''}, {'x': pa.float64()}, pa.float64())
from pyarrow import acero
table = pa.table({'x': pa.array(np.zeros(9))})
plan = acero.Declaration.from_sequence([
    acero.Declaration('table_source', acero.TableSourceNodeOptions(table)),
    acero.Declaration('project', acero.ProjectNodeOptions([pc.Expression._call('tried', [pc.field('x')])], ['x'])),
])
plan.to_table(use_threads=True)
words = found[0]""",
    "raises its own limits": """
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard if hard > 0 else 4096),) * 2)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**9, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
words = 'open' if resource.getrlimit(resource.RLIMIT_FSIZE)[0] > 10**6 else 'shut'""",
    "opens a thousand files": """
held = [os.open('/dev/null', os.O_RDONLY) for _ in range(900)]
words = 'open'""",
    "takes two gigabytes": "x = bytearray(2_000_000_000); words = 'open'",
    "maps a hundred gigabytes": (
        "import mmap; mmap.mmap(-1, 100 * 2**30, 0x4000 | mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); words = 'open'"
    ),
}
_NETWORK: Final = {
    **{
        f"opens a socket of family {family}": f"socket.socket(socket.{family}, socket.{kind}).close(); words = 'open'"
        for family, kind in (
            ("AF_INET", "SOCK_STREAM"), ("AF_INET6", "SOCK_STREAM"), ("AF_UNIX", "SOCK_STREAM"),
            ("AF_INET", "SOCK_DGRAM"), ("AF_NETLINK", "SOCK_RAW"), ("AF_UNIX", "SOCK_SEQPACKET"),
        )
    },
    "opens an abstract socket": "s = socket.socket(socket.AF_UNIX); s.bind('\\0left-here'); words = 'open'",
    "makes a pair of sockets": "socket.socketpair(); words = 'open'",
    "listens on loopback": "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); words = 'open'",
    "looks a name up": "socket.getaddrinfo('localhost', 80); words = 'open'",
    "sends a raw packet": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(); words = 'open'",
    "reads packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(); words = 'open'",
    "speaks to the kernel's crypto": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).close(); words = 'open'",
    "speaks to a virtual machine's host": "socket.socket(socket.AF_VSOCK).close(); words = 'open'",
}  # fmt: skip
_SPACES: Final = {
    "makes a user name space": "words = 'open' if ctypes.CDLL(None).unshare(0x10000000) == 0 else 'shut'",
    "makes a mount name space": "words = 'open' if ctypes.CDLL(None).unshare(0x20000) == 0 else 'shut'",
    "mounts a folder": """
libc = ctypes.CDLL(None)
libc.unshare(0x20000)
libc.mount(None, b'/', None, 0x4000 | 0x40000, None)
words = 'open' if libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) == 0 else 'shut'""",
    "changes its root": "os.chroot('/tmp'); words = 'open'",
    "changes its number": "os.setuid(1); words = 'open'",
    "takes a right back": """
class Head(ctypes.Structure): _fields_ = [('v', ctypes.c_uint32), ('pid', ctypes.c_int)]
head, data = Head(0x20080522, 0), (ctypes.c_uint32 * 6)()
ctypes.CDLL(None).capget(ctypes.byref(head), data)
words = 'open' if data[0] or data[1] else 'shut'""",
    "may gain new privileges": "words = 'shut' if ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1 else 'open'",
    "adds a key": "words = 'open' if ctypes.CDLL(None).syscall(248, b'user', b'x', b'y', 1, -3) > 0 else 'shut'",
    "uses the other system call table": """
answer = ctypes.CDLL(None, use_errno=True).syscall(0x40000000 + 39)
words = 'open' if answer > 0 else 'shut'""",
    "makes shared memory": "words = 'open' if ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0 else 'shut'",
    "makes a message queue": "words = 'open' if ctypes.CDLL(None).msgget(0, 0o1600) >= 0 else 'shut'",
    "watches the libraries": """
libc = ctypes.CDLL(None)
fd = libc.inotify_init()
words = 'open' if fd >= 0 and libc.inotify_add_watch(fd, b'/usr/lib', 0x20) >= 0 else 'shut'""",
}
_NO_CONTROL: Final = {
    "uses the other system call table": "kernels without the x32 table have none to reach",
    "reads the kernel's messages": "needs rights on the machine or a kernel that gives them to nobody",
    "reads the disk": "a container may hide its disks",
    "speaks to the kernel's crypto": "a kernel may lack the family",
    "speaks to a virtual machine's host": "a kernel may lack the family",
    "sends a raw packet": "needs rights on the machine",
    "reads packets": "needs rights on the machine",
    "changes its root": "needs rights on the machine",
    "changes its number": "needs rights on the machine",
    "takes a right back": "needs rights on the machine",
    "mounts a folder": "needs rights on the machine",
    "makes a mount name space": "needs rights on the machine",
    "changes the libraries": "the libraries may belong to somebody else",
    "signals everybody": "needs somebody else to signal",
    "adds a key": "a container may forbid keys",
    "reads the kernel's symbols": "a container may hide them",
    "reaches it by /proc/1/root": "the machine's first process may be closed to everybody",
    "opens a thousand files": "the machine's own limit may be lower",
}

PROBES: Final = tuple(
    Probe(name, code, _NO_CONTROL.get(name, ""))
    for family in (_FILES, _PROC, _PROCESSES, _NETWORK, _SPACES)
    for name, code in family.items()
)
HEAD: Final = _SENTINEL
