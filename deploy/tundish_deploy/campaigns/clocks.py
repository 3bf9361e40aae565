"""The system clock steps under a store that writes, seals and reads; some source times come from no clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tundish_deploy.campaigns.runner import Runs, each
from tundish_deploy.figures import Figure, Report, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROUNDS: Final = 5
_HOUR, _DAY = 3600, 86_400
STEPS_S: Final = (_HOUR, 0, -_HOUR, 0, _DAY, 0, -_DAY, 0, -5, 0)


class NoFaketime(Exception):  # noqa: N818 - what is missing
    """libfaketime is not installed (Debian: ``faketime``), and nothing else steps a clock for one process."""


@dataclass
class Stepped:
    """What a run with steps brought.

    Attributes:
        seed: replays it.
        steps: of the clock, each seen by the process.
        rows: sent.
        lost, other: rows that were overwritten or missing, and other findings.
        bad_times: source times that no clock should show, offered.
        wrongly_taken: of them taken, or refused without naming the signal.
        words: the first findings.
    """

    seed: str
    steps: int = 0
    rows: int = 0
    lost: int = 0
    other: int = 0
    bad_times: int = 0
    wrongly_taken: int = 0
    words: list[str] = field(default_factory=list)


def stepped(
    seed: str, rounds: int = ROUNDS, store: str = "telemetry", steps: Sequence[int] = STEPS_S
) -> Stepped:
    """Run the store in a process of its own whose clock is stepped.

    Args:
        seed: of what is sent.
        rounds: each steps the clock by all of the steps and back.
        store: ``telemetry``, or ``wall-clock`` for the control.
        steps: offsets of the clock in seconds, one after the other.
    """
    with TemporaryDirectory() as folder:
        clock = Path(folder) / "clock"
        clock.write_text("+0")
        environment = {
            **os.environ,
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            # A step of the wall clock leaves the monotonic one alone.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        program = "tundish_deploy.campaigns.stepping"
        command = [sys.executable, "-m", program, folder, seed, str(rounds), store, json.dumps(steps)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - own
    if done.returncode:
        return Stepped(seed, other=1, words=[done.stderr[-2000:]])
    return Stepped(**json.loads(done.stdout))


def campaign(count: int, seed: int, runs: Runs) -> Report:
    """So many runs and the control.

    Args:
        count: runs.
        seed: of the first.
        runs: in how many processes, and how long.
    """
    results = each(stepped, [(f"{seed}-{number}",) for number in range(count)], runs, Stepped)
    control = stepped(f"{seed}", 1, "wall-clock")
    conditions = {
        "seed": seed,
        "runs planned": count,
        "steps": "libfaketime: ±1 h, ±1 day, −5 s, between requests and under them",
        "rows sent": sum(result.rows for result in results),
        "replay": [f"{r.seed}: {'; '.join(r.words)}" for r in results if r.words],
    }
    return Report("campaign clocks", conditions, list(_figures(results, count, control)))


def _figures(results: list[Stepped], count: int, control: Stepped) -> Iterable[Figure]:
    yield judged("clock_runs", len(results), "1", "higher", bar=count)
    yield judged("clock_steps", sum(result.steps for result in results), "1", "higher", bar=1)
    yield judged("clock_rows_lost_or_overwritten", sum(r.lost for r in results), "1", "lower", bar=0)
    yield judged("clock_other_findings", sum(r.other for r in results), "1", "lower", bar=0)
    yield judged("clock_bad_times_offered", sum(r.bad_times for r in results), "1", "higher", bar=1)
    yield judged("clock_bad_times_taken", sum(r.wrongly_taken for r in results), "1", "lower", bar=0)
    yield judged("clock_control_wall_clock_order", control.lost, "1", "higher", bar=1)


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise NoFaketime("install Debian's package faketime")
    return found[0]
