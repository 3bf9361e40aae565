"""Runs chosen tests in a process forked from one that has loaded every library, but nothing of ours.

Loading the libraries takes longer than most tests do. Nothing of the checkout may be loaded before the fork,
or the change that is to be judged would not be seen.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from typing import IO, TYPE_CHECKING, Final, Self

import pytest

from tundish_deploy.campaigns.covering import FIXED, environment_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

_LIBRARIES: Final = (
    *("alembic", "deltalake", "duckdb", "nats", "numpy", "pandas", "psycopg", "pyarrow.dataset"),
    *("pyarrow.parquet", "pydantic", "scipy", "sqlalchemy.dialects.sqlite", "sqlalchemy.orm", "structlog"),
)
_OURS: Final = "tundish_platform"


class Judge:
    """A process that runs tests of a copy of the checkout; use it as a context.

    Args:
        root: of the copy.
        limit_s: longer no run may take.
    """

    def __init__(self, root: Path, limit_s: float) -> None:
        command = [sys.executable, "-m", "tundish_deploy.campaigns.judge", str(limit_s)]
        self._process = subprocess.Popen(  # noqa: S603 - own command
            command,
            cwd=root,
            env=environment_of(root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def first_failure(self, tests: Sequence[str]) -> tuple[str, str]:
        """The first test that fails, or nothing; and what else went wrong, in words."""
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None  # noqa: S101 - it was asked for
        assert told is not None  # noqa: S101 - it was asked for
        asked.write(json.dumps(list(tests)) + "\n")
        asked.flush()
        answer = told.readline()
        if not answer:
            raise RuntimeError("the process that runs the tests has ended")
        failed, odd = json.loads(answer)
        return failed, odd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


class _First:
    failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or f"{report.nodeid} cannot be loaded"


def _serve(limit_s: float) -> None:
    for name in _LIBRARIES:
        with suppress(ImportError):
            import_module(name)
    assert _OURS not in sys.modules, "a change of it would not be seen"  # noqa: S101 - own mistake
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line), limit_s)), flush=True)  # noqa: T201 - for the parent


def _forked(tests: Sequence[str], limit_s: float) -> tuple[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _run(tests, writing)
    os.close(writing)
    with os.fdopen(reading) as answers:
        answer = answers.readline() if _in_time(answers, limit_s) else ""
    # Servers that a failed test left go too.
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not answer:
        return "", f"no answer within {limit_s:.0f} s, or the process broke down"
    failed, odd = json.loads(answer)
    return failed, odd


def _in_time(answers: IO[str], limit_s: float) -> bool:
    return bool(select.select([answers], [], [], limit_s)[0])


def _run(tests: Sequence[str], writing: int) -> None:
    """In the child: run the tests, say what came of it, and end."""
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(silence, number)
    first = _First()
    code = pytest.main(["-x", *FIXED, *tests], plugins=[first])
    usual = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    odd = "" if first.failed or code in usual else f"pytest ended with {code}"
    os.write(writing, (json.dumps([first.failed, odd]) + "\n").encode())
    os._exit(0)


if __name__ == "__main__":
    _serve(float(sys.argv[1]))
