"""The figures' table in docs/reference/bench-store.md, made from the last run's JSON.

Run as a module: ``python -m tundish_deploy.benchmarks.store.page FIGURES.json PAGE.md [PROFILE.json]``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

_MARKS: Final = ("<!-- {0}: made by tundish_deploy.benchmarks.store.page -->", "<!-- end of {0} -->")
_ANSWERS: Final = {None: "", True: "yes", False: "**no**"}
_MODULES_SHOWN: Final = 12


def main() -> None:
    """Write the tables into the page."""
    figures, page, *profile = map(Path, sys.argv[1:])
    text = with_table(
        page.read_text("utf-8"), "figures", figures_table(json.loads(figures.read_text("utf-8")))
    )
    if profile:
        text = with_table(text, "profile", profile_table(json.loads(profile[0].read_text("utf-8"))))
    page.write_text(text, "utf-8")


def with_table(page: str, name: str, table: str) -> str:
    """The page with another table between the marks of that name.

    Raises:
        ValueError: the page has no such marks.
    """
    opening, closing = (mark.format(name) for mark in _MARKS)
    before, found, rest = page.partition(opening)
    _, ended, after = rest.partition(closing)
    if not found or not ended:
        raise ValueError(f"the page has no place for {name}: it needs the lines {opening} and {closing}")
    return f"{before}{opening}\n{table}\n{closing}{after}"


def figures_table(report: dict[str, Any]) -> str:
    """One line a figure."""
    lines = ["| figure | value | unit | bar | holds | peers |", "|---|---|---|---|---|---|"]
    for figure in report["figures"]:
        peers = ", ".join(f"{name} {_number(value)}" for name, value in figure["peers"].items())
        cells = (
            f"`{figure['name']}`",
            _number(figure["value"]),
            figure["unit"],
            _number(figure["bar"]) if figure["bar"] is not None else "",
            _ANSWERS[figure["holds"]],
            peers,
        )
        lines.append("| " + " | ".join(cells) + " |")
    conditions = "; ".join(f"{name}: {_told(value)}" for name, value in report["conditions"].items())
    return "\n".join([*lines, "", f"Commit {report['commit']}. {conditions}."])


def profile_table(profile: dict[str, Any]) -> str:
    """One line a module."""
    lines = ["| module | share | s a million rows |", "|---|---|---|"]
    for name, of in list(profile["modules"].items())[:_MODULES_SHOWN]:
        lines.append(f"| `{name}` | {100 * of['share']:.0f} % | {of['s_per_million']:.3f} |")
    whole = profile["seconds_per_million"]
    return "\n".join(
        [*lines, "", f"{profile['rows']:,} rows, {whole:.2f} s a million rows under the profiler."]
    )


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - four figures and more


def _told(value: Any) -> str:  # noqa: ANN401 - of a JSON document
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
