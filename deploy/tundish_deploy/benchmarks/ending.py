"""Ending the processes that a benchmark has started."""

from __future__ import annotations

import signal
import subprocess
from typing import Any


def end(process: subprocess.Popen[Any], how: signal.Signals = signal.SIGTERM, within_s: float = 30.0) -> None:
    """Ask a process to end, and end it by force if it takes longer."""
    process.send_signal(how)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
