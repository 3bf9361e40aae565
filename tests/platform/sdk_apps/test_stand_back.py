"""Where Linux weighs sessions, one that begins behind others is told so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

CODE = """
import os
from pathlib import Path
os.nice({level})
{then}
group = Path("/proc/self/autogroup")
told = group.read_text("ascii").split() if group.exists() else []
print(told[-1] if told else "none")
"""
STANDING_BACK = "from tundish_platform.sdk.confine import stand_back\nstand_back()"


def told(then: str, level: int) -> str:
    """The niceness of a new session whose first process has become that nice; "none" where none is weighed.

    Kernels weigh no session where they know no such groups, and where a process is in a control group of its
    own: there the file is missing, or empty and refuses what is written.
    """
    code = CODE.format(level=level, then=then)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, start_new_session=True
    )
    return done.stdout.decode("ascii").strip()


def test_a_session_is_as_far_behind_as_its_process() -> None:
    before = told("", 7)
    assert before in {"0", "none"}, "without it niceness stays within the session"
    assert told(STANDING_BACK, 7) == ("7" if before == "0" else "none")


def test_what_is_written_is_the_niceness_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tundish_platform.sdk import confine  # noqa: PLC0415 - beside what it replaces

    group = tmp_path / "autogroup"
    monkeypatch.setattr(confine, "Path", lambda _: group)
    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 11)
    confine.stand_back()
    assert group.read_text("ascii") == "11"


def test_a_system_without_such_groups_is_none_the_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    from tundish_platform.sdk import confine  # noqa: PLC0415 - beside what it replaces

    monkeypatch.setattr(confine, "Path", lambda _: Path("/no/such/file"))
    confine.stand_back()
