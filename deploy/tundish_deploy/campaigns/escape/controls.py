"""The same attempts without the sandbox, and in bubblewrap alone: a program that makes a process for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.escape.probes import HEAD
from tundish_platform.marketplace.isolation import confined_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tundish_deploy.campaigns.escape.probes import Probe

_EACH_S: Final = 10
_ALL_S: Final = 600
# Each in a child that is killed when it takes too long; one that dies was stopped by the kernel.
_PROGRAM: Final = f"""
import json, os, signal, sys
{HEAD}
def tried(code):
    come, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(come)
        os.setpgid(0, 0)
        found = {{'words': 'shut'}}
        exec({HEAD!r}, found)
        try:
            exec(code, found)
        except BaseException as error:
            found['words'] = 'shut: ' + repr(error)
        os.write(go, found['words'][:300].encode())
        os._exit(0)
    os.close(go)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.alarm({_EACH_S})
    words = b''
    while more := os.read(come, 4096):
        words += more
        break
    os.waitpid(child, 0)
    signal.alarm(0)
    os.close(come)
    return words.decode() or 'shut: killed'
sys.path[:0] = sys.argv[1].split(':')
# What a careless host leaves open.
left_open = os.open(os.__file__, os.O_RDONLY)
print(json.dumps([tried(code) for code in json.load(sys.stdin)]))
"""


def outside(probes: Sequence[Probe], names: Mapping[str, str]) -> list[str]:
    """What becomes of each attempt in a plain process."""
    command = [sys.executable, "-c", _PROGRAM, ":".join(place for place in sys.path if place)]
    return _answers(command, probes, names, {**os.environ, "TUNDISH_SECRET": "canary"})


def bubblewrap_alone(probes: Sequence[Probe], names: Mapping[str, str], app: Path) -> list[str]:
    """What becomes of each attempt with bubblewrap's name spaces and nothing else."""
    words = confined_command(app, [], "bubblewrap")
    # Walls as they are, interpreter as it is, and another program for it.
    start, paths = words.index("-c"), words[-1]
    command = [*words[:start], "-c", _PROGRAM, paths]
    return _answers(command, probes, names, {"TUNDISH_SECRET": "canary"})


def filled(code: str, names: Mapping[str, str]) -> str:
    """A probe's code with this machine's places in it."""
    for name, place in names.items():
        code = code.replace(f"@{name}@", place)
    return code


def _answers(
    command: Sequence[str], probes: Sequence[Probe], names: Mapping[str, str], environment: Mapping[str, str]
) -> list[str]:
    codes = json.dumps([filled(probe.code, names) for probe in probes])
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        command, input=codes, capture_output=True, text=True, env=dict(environment), timeout=_ALL_S,
        check=False, cwd="/", start_new_session=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the control ended with {done.returncode}: {done.stderr[-1_000:]}")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
