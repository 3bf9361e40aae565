"""Runs chosen tests in a process forked from one that has loaded every library, but nothing of ours.

Loading the libraries takes longer than most tests do. Nothing of the checkout may be loaded before the fork,
or the change that is to be judged would not be seen.
"""

from __future__ import annotations

import json
import os
import resource
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
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

_LIBRARIES: Final = (
    *("alembic", "deltalake", "duckdb", "nats", "numpy", "pandas", "psycopg", "pyarrow.dataset"),
    *("pyarrow.parquet", "pydantic", "scipy", "sqlalchemy.dialects.sqlite", "sqlalchemy.orm", "structlog"),
)
_OURS: Final = "tundish_platform"
ENDLESS: Final = "tests go on for ever"
"""Instead of a test's name, where a run took many times as long as it usually does."""
_LEAST_S: Final = 60.0
_TIMES: Final = 10.0
_WAIT_S: Final = 120.0


class Judge:
    """A process that runs tests of a copy of the checkout; use it as a context.

    Args:
        root: of the copy.
        least_s: so long any run may take, and `_TIMES` as long as usual besides: in seconds of the processor,
            which other work on the machine does not lengthen. By the clock it is twice that and `_WAIT_S`.
    """

    def __init__(self, root: Path, least_s: float = _LEAST_S) -> None:
        command = [sys.executable, "-m", "tundish_deploy.campaigns.judge", str(least_s)]
        self._process = subprocess.Popen(  # noqa: S603 - own command
            command,
            cwd=root,
            env=environment_of(root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def first_failure(self, tests: Sequence[str], usual_s: float) -> tuple[str, str]:
        """The first test that fails, `ENDLESS` or nothing; and what else went wrong, in words.

        Args:
            tests: to run.
            usual_s: how long they took on the source as it is.
        """
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None  # noqa: S101 - it was asked for
        assert told is not None  # noqa: S101 - it was asked for
        asked.write(json.dumps([list(tests), usual_s]) + "\n")
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

    @pytest.hookimpl(wrapper=True)
    def pytest_load_initial_conftests(self) -> Iterator[None]:
        try:
            return (yield)
        except Exception as error:
            # Pytest would call it a wrong use of its command and name no test.
            self.failed = f"{os.path.relpath(getattr(error, 'path', 'conftest.py'))} cannot be loaded"
            raise

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or f"{report.nodeid} cannot be loaded"


def _serve(least_s: float) -> None:
    for name in _LIBRARIES:
        with suppress(ImportError):
            import_module(name)
    assert _OURS not in sys.modules, "a change of it would not be seen"  # noqa: S101 - own mistake
    for line in sys.stdin:
        tests, usual_s = json.loads(line)
        print(json.dumps(_forked(tests, least_s + _TIMES * usual_s)), flush=True)  # noqa: T201 - for the parent


def _forked(tests: Sequence[str], limit_s: float) -> tuple[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _run(tests, writing, int(limit_s))
    os.close(writing)
    with os.fdopen(reading) as answers:
        ended = _in_time(answers, _WAIT_S + 2 * limit_s)
        answer = answers.readline() if ended else ""
    # Servers that a failed test left go too.
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if answer:
        failed, odd = json.loads(answer)
        return failed, odd
    # A check may be what ends a loop, or lets a lock go: who runs these tests never sees them pass.
    if not ended or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return ENDLESS, ""
    return "", "the process broke down"


def _in_time(answers: IO[str], limit_s: float) -> bool:
    return bool(select.select([answers], [], [], limit_s)[0])


def _run(tests: Sequence[str], writing: int, processor_s: int) -> None:
    """In the child: run the tests, say what came of it, and end."""
    os.setsid()
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (processor_s, most))
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
