"""`make demo-check`: the demonstration without a screen. Asserts through the public API what came through."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from rich.table import Table

from tundish_deploy.demo import checks
from tundish_deploy.demo.checks import Failed, Finding
from tundish_deploy.demo.run import Demo, console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SETTLE_S = 20.0


def run_check(folder: Path, port: int, speed: float) -> bool:
    """Set up from nothing, run, assert, stop; returns whether everything held.

    Raises:
        StartError: a part did not come up.
    """
    if folder.exists():
        shutil.rmtree(folder)
    started = time.monotonic()
    demo = Demo(folder, port, speed)
    findings: list[Finding] = []
    try:
        demo.prepare()
        demo.start_server()
        demo.import_histories()
        demo.build_lines()
        demo.plan_shifts()
        findings += _run(demo, [checks.nothing_counts_before_data_flows])
        demo.start_lines()
        demo.wait_for_results()
        findings += _run(demo, [checks.an_app_runs_on_granted_signals])
        time.sleep(_SETTLE_S)
        findings += _run(demo, checks.ALL)
        findings += _run(demo, [checks.a_killed_collector_loses_nothing])
    finally:
        demo.stop()
    _print(findings, time.monotonic() - started)
    return all(finding.ok for finding in findings)


def _run(demo: Demo, wanted: Sequence[Callable[[Demo], list[Finding]]]) -> list[Finding]:
    findings = []
    for check in wanted:
        try:
            findings += check(demo)
        except Failed as error:
            findings.append(Finding(check.__name__, str(error), ok=False))
    return findings


def _print(findings: list[Finding], seconds: float) -> None:
    table = Table("", "检查 · check", "数字 · figure")
    for finding in findings:
        table.add_row("[green]✓[/]" if finding.ok else "[red]✗[/]", finding.name, finding.figure)
    console.print(table)
    wrong = sum(not finding.ok for finding in findings)
    console.print(f"{len(findings) - wrong} passed, {wrong} failed in {seconds:.0f} s")
