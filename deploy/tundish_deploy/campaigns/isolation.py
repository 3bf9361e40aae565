"""Takes away each check that keeps tenants apart, one by one, and sees whether the store's tests notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import tundish_platform
from tundish_deploy.campaigns.mutants import Mutant, mutants, mutated
from tundish_deploy.campaigns.runner import each
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

_STORE: Final = Path("platform/tundish_platform/store")
_TESTS: Final = "tests/platform/store"
# The first finds nearly all and takes seconds; only what it does not notice goes through the others.
_FIRST: Final = f"{_TESTS}/test_store_isolation.py"
_LIMIT_S: Final = 900.0
_PASSED, _FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests took one mutant.

    Attributes:
        mutant: none for the control.
        noticed: a test failed.
        odd: pytest could not run them at all, in words.
    """

    mutant: Mutant | None
    noticed: bool
    odd: str = ""


def tried(root: Path, chosen: list[Mutant | None]) -> list[Verdict]:
    """Run the tests on a copy of the checkout, once for each mutant.

    Args:
        root: of the checkout.
        chosen: the mutants; None is the source as it is.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("platform", "tests/platform", "pyproject.toml"):
            target = copy / part
            target.parent.mkdir(parents=True, exist_ok=True)
            source = root / part
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        return [_one(copy, mutant) for mutant in chosen]


def _one(copy: Path, mutant: Mutant | None) -> Verdict:
    if mutant is None:
        return _verdict(copy, None)
    path = copy / _STORE / mutant.path
    source = path.read_text()
    path.write_text(mutated(source, mutant.number))
    try:
        return _verdict(copy, mutant)
    finally:
        path.write_text(source)


def _verdict(copy: Path, mutant: Mutant | None) -> Verdict:
    for tests in (_FIRST, _TESTS):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "not integration",
        ]
        environment = {**os.environ, "PYTHONPATH": str(copy / "platform"), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(  # noqa: S603 - own command
                [*command, tests],
                cwd=copy,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return Verdict(mutant, noticed=False, odd=f"not through after {_LIMIT_S:.0f} s")
        if done.returncode == _FAILED:
            return Verdict(mutant, noticed=True)
        if done.returncode != _PASSED:
            return Verdict(mutant, noticed=False, odd=done.stdout[-500:])
    return Verdict(mutant, noticed=False)


def campaign(count: int, seed: int, workers: int = 2) -> Report:
    """All mutants and the source as it is.

    Args:
        count: mutants at most; 0 for all.
        seed: which of them, if not all: every so-many-th from this one on.
        workers: copies of the checkout at a time.

    Raises:
        FileNotFoundError: this is no checkout, but an installed package without tests.
    """
    root = Path(tundish_platform.__file__).resolve().parents[2]
    if not (root / _FIRST).is_file():
        raise FileNotFoundError(f"{root} holds no tests; the campaign needs a checkout")
    found = mutants(root / _STORE)
    stride = max(1, len(found) // count) if count else 1
    chosen: list[Mutant | None] = [None, *found[seed % stride :: stride]]
    parts = max(workers, 1)
    verdicts = [
        v for part in each(tried, [(root, chosen[n::parts]) for n in range(parts)], workers) for v in part
    ]
    conditions = {
        "places found": len(found),
        "not noticed": [_words(v) for v in verdicts if v.mutant and not v.noticed],
        "tests": _TESTS,
    }
    return Report("campaign isolation", conditions, list(_figures(verdicts)))


def _words(verdict: Verdict) -> str:
    assert verdict.mutant is not None  # noqa: S101 - the caller left the control out
    odd = f" ({verdict.odd.strip()})" if verdict.odd else ""
    return f"{verdict.mutant.path}:{verdict.mutant.line}: {verdict.mutant.what}{odd}"


def _figures(verdicts: list[Verdict]) -> Iterable[Figure]:
    real = [verdict for verdict in verdicts if verdict.mutant is not None]
    noticed = sum(verdict.noticed for verdict in real)
    yield judged("isolation_mutants", len(real), "1", "higher", bar=1)
    yield judged("isolation_mutants_not_noticed", len(real) - noticed, "1", "lower", bar=0)
    control = [verdict for verdict in verdicts if verdict.mutant is None]
    passed = sum(not verdict.noticed and not verdict.odd for verdict in control)
    yield judged("isolation_control_unchanged_passes", passed, "1", "higher", bar=1)
