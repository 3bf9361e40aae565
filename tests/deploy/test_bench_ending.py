"""Processes of a benchmark end when they are asked to, and also when they will not."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tundish_deploy.benchmarks.ending import end

_WAITS = "import sys, time; print(flush=True); time.sleep(600)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_WAITS}"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("code", "within_s", "ends"), [(_WAITS, 60.0, -signal.SIGTERM), (_STUBBORN, 0.2, -signal.SIGKILL)]
)
def test_a_process_is_gone_afterwards(code: str, within_s: float, ends: int) -> None:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end(process, within_s=within_s)
        assert process.returncode == ends
