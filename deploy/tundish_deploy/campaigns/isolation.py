"""Takes away each check that keeps tenants apart, one by one, and sees whether the tests notice."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import tundish_platform
from tundish_deploy.campaigns.covering import covered, merged
from tundish_deploy.campaigns.equivalent import EQUIVALENT
from tundish_deploy.campaigns.judge import Judge
from tundish_deploy.campaigns.mutants import STORES, Mutant, Rules, mutants, mutated
from tundish_deploy.campaigns.runner import Runs, each
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from tundish_deploy.campaigns.covering import Covering

_COPIED: Final = (
    *("apps-marketplace", "platform", "tests/conftest.py", "tests/platform", "docs", "pyproject.toml"),
)
_LIKELY: Final = 8
_ABOUT: Final = re.compile("isolation|scope|tenant|other|foreign")
_SERVER: Final = "[postgresql"
_ALL_LIMIT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Subject:
    """Source whose checks are taken away.

    Attributes:
        folder: below the checkout's root.
        tests: that must notice.
        modules: patterns below the folder.
        rules: what counts as a check.
    """

    folder: Path
    tests: tuple[str, ...]
    modules: tuple[str, ...] = ("**/*.py",)
    rules: Rules = STORES


STORE: Final = Subject(Path("platform/tundish_platform/store"), ("tests/platform/store",))
# In these tests "steel" is the first tenant, and "power" the second.
DOORS: Final = Subject(
    Path("platform/tundish_platform"),
    ("tests/platform/api", "tests/platform/people", "tests/platform/tenancy"),
    (
        *("api/guard.py", "api/rates.py", "api/repeats.py", "assets/places.py"),
        *("migrations/versions/*.py", "people/*.py", "tenancy/*.py"),
    ),
    Rules(2, "power", "another tenant's", refusals=True),
)
# What of the marketplace tells tenants apart; its other refusals are of business.
MARKETPLACE: Final = Subject(
    Path("platform/tundish_platform"),
    (
        *("tests/platform/marketplace", "tests/platform/trials", "tests/platform/api/test_api_isolation.py"),
        *("tests/platform/api/test_api_records.py", "tests/platform/api/test_api_vouchers.py"),
        "tests/platform/api/sdk_calls",
    ),
    (
        *("api/catalogue_routes.py", "api/billing_routes.py", "api/marketplace_routes.py"),
        *("api/money_routes.py", "api/publishing_routes.py", "api/record_routes.py", "api/review_routes.py"),
        *("api/sealed_routes.py", "api/trial_routes.py", "api/vouchers.py"),
        *("marketplace/**/*.py", "records/*.py", "trials/*.py"),
    ),
    Rules(2, "power", "another tenant's"),
)
SUBJECTS: Final = {"store": STORE, "doors": DOORS, "marketplace": MARKETPLACE}
_PLACE: Final = re.compile(r"(?P<path>[^:]+):\d+ (?P<rest>.*) \([^()]*\)")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which places are judged, and by which tests.

    Attributes:
        count: places at most; 0 for all.
        seed: which of them, if not all: every so-many-th from this one on.
        only: parts of places' keys, such as a module's path; a place has one of them. Empty for all.
        again: a report of this campaign, of which only the places not noticed are judged.
        tests: files or folders in place of all the subject's tests. What they notice, all notice.
    """

    count: int = 0
    seed: int = 1
    only: tuple[str, ...] = ()
    again: Path | None = None
    tests: tuple[str, ...] = ()

    def of(self, found: Sequence[Mutant]) -> list[Mutant]:
        """The places to judge.

        Raises:
            LookupError: none is left; a campaign over nothing would find nothing.
        """
        named = [one for one in found if not self.only or any(part in one.key for part in self.only)]
        if self.again is not None:
            before = unnoticed(self.again)
            named = [one for one in named if one.key in before]
        if not named:
            raise LookupError("no place has that name")
        stride = max(1, len(named) // self.count) if self.count else 1
        return named[self.seed % stride :: stride]


ALL: Final = Choice()


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests took one mutant.

    Attributes:
        mutant: the place.
        tests: how many run it.
        failed: the first test that failed, or `ENDLESS`; none noticed it if empty.
        odd: pytest could not run them at all, in words.
    """

    mutant: Mutant
    tests: int
    failed: str
    odd: str = ""


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """A copy of what the tests of a checkout need, where sources may be changed; gone afterwards."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in _COPIED:
            target, source = copy / part, root / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        yield copy


def control(root: Path, subject: Subject = STORE, tests: Sequence[str] = (), jobs: int = 1) -> Covering:
    """Run the tests, or some of them, on the source as it is, and see which lines each of them runs.

    Args:
        root: of the checkout.
        subject: what is covered.
        tests: files and folders; the subject's without.
        jobs: runs at a time, each of its share of the files.
    """
    files = [file for name in tests or subject.tests for file in _files_of(root, name)]
    shares = [share for n in range(max(jobs, 1)) if (share := files[n :: max(jobs, 1)])]

    def run(share: Sequence[str]) -> Covering:
        with copied(root) as copy:
            return covered(copy, subject.folder, share, _ALL_LIMIT_S, subject.modules)

    with ThreadPoolExecutor(len(shares)) as pool:
        return merged(pool.map(run, shares))


def _files_of(root: Path, name: str) -> list[str]:
    folder = root / name
    if not folder.is_dir():
        return [name]
    return sorted(str(path.relative_to(root)) for path in folder.rglob("test_*.py"))


def tried(
    root: Path,
    chosen: Sequence[Mutant],
    covering: Covering,
    minutes: float | None = None,
    subject: Subject = STORE,
) -> list[Verdict]:
    """Run on a copy of the checkout, for each mutant, the tests that run its place.

    Args:
        root: of the checkout.
        chosen: the mutants.
        covering: which tests those are.
        minutes: after so many no further one is begun.
        subject: where the mutants are.
    """
    end = math.inf if minutes is None else time.monotonic() + minutes * 60
    found: Counter[str] = Counter()
    verdicts = []

    def likely_first(test: str) -> tuple[int, bool, bool, float]:
        # Who noticed others, then who needs no server started, who is about tenants, who is quick.
        return -found[test], _SERVER in test, not _ABOUT.search(test), covering.seconds[test]

    with copied(root) as copy, Judge(copy) as judge:
        for mutant in chosen:
            if time.monotonic() > end:
                break
            tests = sorted(covering.tests(mutant.path, mutant.statement), key=likely_first)
            usual = {test: covering.seconds[test] for test in tests}
            verdicts.append(_one(copy / subject.folder, judge, mutant, usual, subject.rules))
            found[verdicts[-1].failed] += 1
    return verdicts


def _one(folder: Path, judge: Judge, mutant: Mutant, tests: Mapping[str, float], rules: Rules) -> Verdict:
    names = list(tests)
    path = folder / mutant.path
    source = path.read_text()
    path.write_text(mutated(source, mutant.number, rules))
    try:
        failed = odd = ""
        # Loading the files of hundreds of tests takes longer than the few that find nearly all.
        for part in (names[:_LIKELY], names[_LIKELY:]):
            if part and not failed:
                failed, odd = judge.first_failure(part, sum(tests[name] for name in part))
        return Verdict(mutant, len(tests), failed, odd)
    finally:
        path.write_text(source)


def checkout() -> Path:
    """The checkout that is run.

    Raises:
        FileNotFoundError: it is an installed package without tests.
    """
    root = Path(tundish_platform.__file__).resolve().parents[2]
    if not all((root / tests).exists() for one in SUBJECTS.values() for tests in one.tests):
        raise FileNotFoundError(f"{root} holds no tests; the campaign needs a checkout")
    return root


def unnoticed(path: Path) -> set[str]:
    """Keys of the places that a kept report calls not noticed.

    Raises:
        ValueError: the file holds no report of this campaign.
    """
    told = json.loads(path.read_text("utf-8")).get("conditions", {}).get("not noticed")
    if told is None:
        raise ValueError(f"{path} holds no report of the isolation campaign")
    places = filter(None, map(_PLACE.fullmatch, told))
    return {f"{place['path']}: {place['rest']}" for place in places}


def campaign(
    choice: Choice = ALL, jobs: int = 2, minutes: float | None = None, where: str = "store"
) -> Report:
    """All mutants, or those chosen, and the source as it is.

    Args:
        choice: which of them.
        jobs: copies of the checkout at a time.
        minutes: after so many no further mutant is begun.
        where: a word of `SUBJECTS`.

    Raises:
        FileNotFoundError: this is no checkout, but an installed package without tests.
        LookupError: no place is chosen.
    """
    root, subject, excuses = checkout(), SUBJECTS[where], EQUIVALENT[where]
    found = mutants(root / subject.folder, subject.modules, subject.rules)
    chosen = choice.of(found)
    covering = control(root, subject, choice.tests, jobs)
    parts = max(jobs, 1)
    calls = [(root, chosen[n::parts], covering, minutes, subject) for n in range(parts)]
    verdicts = [verdict for part in each(tried, calls, Runs(jobs)) for verdict in part]
    noticed = Counter(verdict.failed.partition("::")[0] for verdict in verdicts if verdict.failed)
    conditions = {
        "where": where,
        "places found": len(found),
        "places planned": len(chosen),
        "tests": len(covering.seconds),
        "noticed by": dict(noticed.most_common()),
        "not noticed": [_words(verdict) for verdict in verdicts if _survives(verdict, excuses)],
        "change nothing": {key: why for key, why in excuses.items() if key in _kept(verdicts)},
        "tests that fail on the source as it is": covering.failed or covering.odd,
    }
    return Report(
        "campaign isolation", conditions, list(_figures(verdicts, covering, found, len(chosen), excuses))
    )


def _survives(verdict: Verdict, excuses: Container[str]) -> bool:
    return not verdict.failed and verdict.mutant.key not in excuses


def _kept(verdicts: Iterable[Verdict]) -> set[str]:
    return {verdict.mutant.key for verdict in verdicts if not verdict.failed}


def _words(verdict: Verdict) -> str:
    mutant = verdict.mutant
    why = verdict.odd.strip() or f"{verdict.tests} tests run it"
    return f"{mutant.path}:{mutant.line} {mutant.where}: {mutant.what} ({why})"


def _figures(
    verdicts: Sequence[Verdict],
    covering: Covering,
    found: Sequence[Mutant],
    planned: int,
    excuses: Mapping[str, str],
) -> Iterable[Figure]:
    survivors = sum(_survives(verdict, excuses) for verdict in verdicts)
    noticed = sum(bool(verdict.failed) for verdict in verdicts)
    yield judged("isolation_mutants", len(verdicts), "1", "higher", bar=planned)
    yield judged("isolation_mutants_noticed", noticed, "1", "higher")
    yield judged("isolation_mutants_that_change_nothing", len(verdicts) - noticed - survivors, "1", "lower")
    yield judged("isolation_mutants_not_noticed", survivors, "1", "lower", bar=0)
    # An excuse for what is not there, or for what a test does notice, would hide the next one.
    wrong = excuses.keys() - {mutant.key for mutant in found}
    wrong |= excuses.keys() & {verdict.mutant.key for verdict in verdicts if verdict.failed}
    yield judged("isolation_wrong_excuses", len(wrong), "1", "lower", bar=0)
    passes = not covering.failed and not covering.odd and bool(covering.seconds)
    yield judged("isolation_control_unchanged_passes", int(passes), "1", "higher", bar=1)
