"""A hundred hostile apps that are due at once, and what a neighbour of theirs feels."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from tundish_deploy.campaigns.escape.inside import hostile_app, run_code
from tundish_platform.marketplace.forks import ForkServer

HOSTILE: Final = (
    "while True: pass",
    "held = []\nwhile True: held.append(bytearray(1_000_000))",
    "while True: sys.stderr.write('x' * 65_536)",
    "while True: os.write(1, b'x' * 65_536)",
    "while True: os.listdir('/usr/lib')",
    "while True: sum(i * i for i in range(100_000))",
    "import numpy as np\nwhile True: np.linalg.svd(np.ones((200, 200)))",
    "time.sleep(600)",
    "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "while True:\n    try: os.fork()\n    except OSError: pass",
)
_NEIGHBOUR: Final = """
import json, sys, time
import numpy as np
seconds, each = float(sys.argv[1]), 0.02
rng = np.random.default_rng(1)
took, begun, number = [], time.perf_counter(), 0
while time.perf_counter() - begun < seconds:
    due = begun + number * each
    time.sleep(max(0.0, due - time.perf_counter()))
    np.sort(rng.normal(size=40_000))
    # From when it was due: a short piece is never broken off, but waits behind the crowd to begin.
    took.append(time.perf_counter() - due)
    number += 1
print(json.dumps(took))
"""
# As the process that runs apps is: live scoring and the API come first.
_BEHIND_OTHERS: Final = 10


def neighbour_p95(seconds: float) -> float:
    """Of a process that has a piece of work due every 20 ms: how late 95 % were done at most, in seconds."""
    command = [sys.executable, "-c", _NEIGHBOUR, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return float(np.percentile([float(word) for word in done.stdout.strip("[]\n ").split(",")], 95))


@dataclass(frozen=True, slots=True)
class Crowded:
    """What the neighbour felt.

    Attributes:
        ratio: median over the rounds of its p95 beside the crowd by that alone.
        control: the same beside loose programs.
        alone_s: median of its p95 alone.
        slots: sandboxes at a time.
    """

    ratio: float
    control: float
    alone_s: float
    slots: int


def crowded(rounds: int, count: int, seconds: float) -> Crowded:
    """Alone, beside the crowd in the queue's slots, beside loose programs; again and again.

    Args:
        rounds: how often.
        count: hostile apps due at once.
        seconds: that each may take.
    """
    slots = len(os.sched_getaffinity(0))
    spoken = []
    for _ in range(rounds):
        length = max(1.0, 0.5 * seconds * count / slots)
        alone = neighbour_p95(length)
        spoken.append((alone, _beside(count, seconds, length), _beside_loose(count, length)))
    alone_s, crowd, loose = (np.array(column) for column in zip(*spoken, strict=True))
    return Crowded(
        float(np.median(crowd / alone_s)), float(np.median(loose / alone_s)), float(np.median(alone_s)), slots
    )


def serve_crowd(count: int, seconds: float, slots: int) -> None:
    """Run so many hostile apps as the process of apps does: behind everything else, so many at a time."""
    os.nice(_BEHIND_OTHERS)
    with TemporaryDirectory() as name, ForkServer() as forks, ThreadPoolExecutor(slots) as pool:
        app = hostile_app(Path(name), seconds)
        run_code(app, "words = 'warm'", forks)
        print("ready", flush=True)  # noqa: T201 - what the campaign waits for
        runs = [pool.submit(run_code, app, HOSTILE[n % len(HOSTILE)], forks) for n in range(count)]
        for run in runs:
            run.result()


def _beside(count: int, seconds: float, length: float) -> float:
    slots = len(os.sched_getaffinity(0))
    words = "from tundish_deploy.campaigns.escape.crowd import serve_crowd"
    program = f"{words}; serve_crowd({count}, {seconds}, {slots})"
    crowd = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE, text=True
    )
    with crowd:
        try:
            if crowd.stdout is None or crowd.stdout.readline() != "ready\n":
                raise RuntimeError("the crowd did not start")
            return neighbour_p95(length)
        finally:
            crowd.kill()


def _beside_loose(count: int, length: float) -> float:
    """The control: as many hostile programs as plain processes, with no slots and nobody behind anybody."""
    with ExitStack() as stack:
        for number in range(count):
            code = f"import os, sys, time\n{HOSTILE[0] if number % 2 else HOSTILE[5]}"
            process = subprocess.Popen([sys.executable, "-S", "-c", code])  # noqa: S603 - our own program
            stack.callback(process.wait)
            stack.callback(process.kill)
        return neighbour_p95(length)
