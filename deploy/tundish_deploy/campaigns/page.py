"""The last figures in docs/reference/campaigns.md, made from the last runs' JSON.

Run as a module: ``python -m tundish_deploy.campaigns.page FIGURES-FOLDER PAGE.md``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from tundish_deploy.benchmarks.store.page import figures_table

CAMPAIGNS: Final = (
    "power",
    "faults",
    "kill",
    "clocks",
    "opcua",
    "isolation",
    "access",
    "fuzz",
    "neighbours",
    "escape",
    "recovery",
)
_HEADS: Final = {"opcua": "OPC UA"}
_MARKS: Final = ("<!-- figures: made by tundish_deploy.campaigns.page -->", "<!-- end of figures -->")


def main() -> None:
    """Write the tables into the page."""
    folder, page = map(Path, sys.argv[1:])
    page.write_text(with_figures(page.read_text("utf-8"), folder), "utf-8")


def with_figures(page: str, folder: Path) -> str:
    """The page with the figures of a folder's ``campaign-*.json`` between its marks.

    Raises:
        ValueError: the page has no such marks.
    """
    opening, closing = _MARKS
    before, found, rest = page.partition(opening)
    _, ended, after = rest.partition(closing)
    if not found or not ended:
        raise ValueError(f"the page has no place for figures: it needs the lines {opening} and {closing}")
    parts = [part for name in CAMPAIGNS for part in (heading(name), _table(folder, name))]
    return "\n\n".join([f"{before}{opening}", *parts, f"{closing}{after}"])


def heading(name: str) -> str:
    """The line above a campaign's figures."""
    return f"### {_HEADS.get(name, name.capitalize())}"


def _table(folder: Path, name: str) -> str:
    path = folder / f"campaign-{name}.json"
    if not path.is_file():
        return "Not run on a state that is kept here."
    return figures_table(json.loads(path.read_text("utf-8")))


if __name__ == "__main__":
    main()
