"""Where Linux weighs sessions, one that begins behind others is told so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

AUTOGROUP = Path("/proc/self/autogroup")
CODE = """
import os
from pathlib import Path
os.nice({level})
{then}
print(Path("/proc/self/autogroup").read_text().split()[-1])
"""


def told(then: str, level: int) -> int:
    """The niceness of a new session whose first process has become that nice."""
    code = CODE.format(level=level, then=then)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, start_new_session=True
    )
    return int(done.stdout)


def told_code(then: str) -> int:
    """How a process ends that says so where nobody listens."""
    return subprocess.run([sys.executable, "-c", then], check=False).returncode


def test_a_session_is_as_far_behind_as_its_process() -> None:
    standing_back = "from tundish_platform.sdk.confine import stand_back\nstand_back()"
    if not AUTOGROUP.exists():
        # A kernel without groups by session: there is nothing to say to it, and nothing fails of it.
        assert told_code(standing_back) == 0
        return
    before = int(AUTOGROUP.read_text("ascii").split()[-1])
    assert told("", 7) in {0, before}, "without it niceness stays within the session"
    assert told(standing_back, 7) == 7


def test_a_system_without_such_groups_is_none_the_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    from tundish_platform.sdk import confine  # noqa: PLC0415 - beside what it replaces

    monkeypatch.setattr(confine, "Path", lambda _: Path("/no/such/file"))
    confine.stand_back()
