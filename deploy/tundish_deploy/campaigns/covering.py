"""Which test runs which line: all tests once under coverage, each with a context of its own.

This module is also the pytest plugin of that run, so it must not load the code that is covered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from coverage import Coverage, CoverageData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_RESULTS: Final = "TUNDISH_COVERING_RESULTS"
# Whatever hypothesis tries must be the same with a check and without it.
FIXED: Final = (
    *("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
    # Most of pytest's start, for each change anew: plugins not used here, and words for asserts that fail.
    *("-p", "no:dash", "-p", "no:schemathesis", "--assert=plain"),
)


@dataclass
class Covering:
    """What the tests of a checkout run.

    Attributes:
        seconds: by test that passed, how long it took.
        lines: by module below the covered folder, by line, the tests that ran it.
        failed: tests that did not pass.
        odd: why there is nothing, in words.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    odd: str = ""

    def tests(self, path: str, lines: tuple[int, int]) -> list[str]:
        """Tests that run one of the lines, of the whole module where no test runs any of them."""
        of_module = self.lines.get(path, {})
        here = {test for line in range(lines[0], lines[1] + 1) for test in of_module.get(line, ())}
        # What runs while a module is loaded belongs to no test.
        chosen = here or {test for tests in of_module.values() for test in tests}
        return sorted(chosen & self.seconds.keys())


def merged(parts: Iterable[Covering]) -> Covering:
    """What several runs of different tests say together."""
    whole = Covering()
    for part in parts:
        whole.seconds |= part.seconds
        whole.failed += part.failed
        whole.odd = whole.odd or part.odd
        for path, lines in part.lines.items():
            known = whole.lines.setdefault(path, {})
            for line, tests in lines.items():
                known.setdefault(line, []).extend(tests)
    return whole


def covered(
    root: Path, folder: Path, tests: Sequence[str], limit_s: float, modules: Sequence[str] = ("**/*.py",)
) -> Covering:
    """Run the tests of a checkout.

    Args:
        root: of the checkout.
        folder: what is to be covered, below it.
        tests: files and folders below it.
        limit_s: longer they may not take.
        modules: patterns below the folder, of what is changed anywhere.
    """
    data, results = root / "coverage.sqlite", root / "coverage.json"
    command = [
        *(sys.executable, "-m", "coverage", "run", f"--data-file={data}"),
        f"--include={','.join(str(root / folder / pattern) for pattern in modules)}",
        *("-m", "pytest", *FIXED, "-p", "tundish_deploy.campaigns.covering", *tests),
    ]
    environment = {**environment_of(root), _RESULTS: str(results)}
    try:
        done = subprocess.run(  # noqa: S603 - own command
            command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return Covering(odd=f"the tests were not through after {limit_s:.0f} s")
    if not results.is_file():
        return Covering(odd=(done.stdout + done.stderr)[-500:])
    return Covering(**json.loads(results.read_text()), lines=_by_line(data, root / folder))


def environment_of(root: Path) -> dict[str, str]:
    """The environment in which a copy of a checkout is what is imported."""
    inherited = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root / "platform"), inherited))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _by_line(path: Path, folder: Path) -> dict[str, dict[int, list[str]]]:
    data = CoverageData(str(path))
    data.read()
    return {
        str(Path(name).relative_to(folder)): {
            line: [test for test in tests if test] for line, tests in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }


class _Contexts:
    """Tells coverage which test runs."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._seconds: dict[str, float] = {}
        self._failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        running = Coverage.current()
        assert running is not None, "the tests do not run under coverage"  # noqa: S101 - own mistake
        running.switch_context(item.nodeid)
        begun = time.perf_counter()
        answer = yield
        self._seconds[item.nodeid] = time.perf_counter() - begun
        running.switch_context("")
        return answer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self._failed:
            self._failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        passed = {test: took for test, took in self._seconds.items() if test not in self._failed}
        self._results.write_text(json.dumps({"seconds": passed, "failed": self._failed}))


def pytest_configure(config: pytest.Config) -> None:
    """Join the run, as pytest asks a plugin to."""
    if _RESULTS in os.environ:
        config.pluginmanager.register(_Contexts(Path(os.environ[_RESULTS])))
