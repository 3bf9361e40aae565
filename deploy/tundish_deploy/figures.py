"""What every `bench`, `evaluate` and `campaign` command prints: one JSON object of named figures."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        name: stable key.
        value: the number, or ``None`` where it could not be measured.
        unit: UCUM or a plain word.
        better: which direction is better; ``none`` for a fact without a wish.
        bar: what it should reach, if anything was promised.
        holds: whether it does; ``None`` without a bar.
        peers: the same number of others, measured in the same run.
        low, high: ends of the 95 % interval of the value, where one was measured.
    """

    name: str
    value: float | None
    unit: str
    better: Literal["higher", "lower", "none"]
    bar: float | None = None
    holds: bool | None = None
    peers: dict[str, float] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None


def judged(
    name: str,
    value: float,
    unit: str,
    better: Literal["higher", "lower"],
    *,
    bar: float | None = None,
    peers: dict[str, float] | None = None,
) -> Figure:
    """A figure held against its bar."""
    holds = None if bar is None else (value >= bar if better == "higher" else value <= bar)
    return Figure(name, value, unit, better, bar, holds, peers or {})


@dataclass(frozen=True, slots=True)
class Report:
    """A run's figures with the conditions they were measured under.

    Attributes:
        how: of an evaluation: protocol, leakage guard, what the intervals are of, digest of the data.
    """

    name: str
    conditions: dict[str, Any]
    figures: list[Figure]
    how: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The one JSON object."""
        return {
            "name": self.name,
            "commit": commit(),
            **self.how,
            "conditions": {**_machine(), **self.conditions},
            "figures": [asdict(figure) for figure in self.figures],
        }

    def print(self, *, as_json: bool) -> None:
        """To standard output: the JSON object alone, or a table for a person."""
        if as_json:
            print(json.dumps(self.as_dict(), ensure_ascii=False, indent=1))  # noqa: T201 - the command's result
            return
        table = Table(title=self.name)
        for column in ("figure", "value", "95 %", "unit", "bar", "holds", "peers"):
            table.add_column(column)
        for figure in self.figures:
            peers = ", ".join(f"{peer} {number:,.4g}" for peer, number in figure.peers.items())
            value = "–" if figure.value is None else f"{figure.value:,.4g}"
            bar = "" if figure.bar is None else f"{figure.bar:,.4g}"
            holds = {None: "", True: "yes", False: "NO"}[figure.holds]
            table.add_row(figure.name, value, _ends(figure), figure.unit, bar, holds, peers)
        Console().print(table)
        for word in ("guard", "intervals", "data"):
            if word in self.how:
                Console().print(f"{word}: {self.how[word]}", highlight=False, markup=False)


def _ends(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:,.4g} – {figure.high:,.4g}"


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "tundish": version("tundish"),
    }


@cache
def commit() -> str:
    """The state of the source that runs, as git names it; asked once, before results are written into it."""
    root = Path(__file__).resolve().parents[2]
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - the person's own git
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()
