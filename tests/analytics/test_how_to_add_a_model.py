"""The how-to's model, built from the page as it stands, and its own tests."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tundish_analytics import condition, evaluate, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tundish_analytics.tables import HydraulicData

PAGES = Path(__file__).parents[2] / "docs/how-to"
NAMES = ("condition", "evaluate", "worker")


def blocks(page: str) -> dict[str, str]:
    """The page's files by their path, which is the first line of each block."""
    text = (PAGES / page).read_text("utf-8")
    found = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return dict(found)


@pytest.fixture
def own_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The page's test module, with its other modules standing beside ours."""
    before = set(sys.modules)
    for path, source in blocks("add-a-model.md").items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, "utf-8")
    for package in (condition, evaluate, worker):
        folder = tmp_path / "analytics" / Path(*package.__name__.split("."))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.syspath_prepend(tmp_path / "tests/analytics")
    yield importlib.import_module("test_pump_power")
    for name in set(sys.modules) - before:
        if name.endswith("pump_power"):
            del sys.modules[name]


def test_both_languages_show_the_same_files() -> None:
    english, chinese = blocks("add-a-model.md"), blocks("add-a-model.zh.md")
    assert list(english) == [
        *(f"analytics/tundish_analytics/{name}/pump_power.py" for name in NAMES),
        "tests/analytics/test_pump_power.py",
    ]
    assert chinese == english


def test_the_model_of_the_page_does_what_the_page_says(
    own_tests: ModuleType,
    hydraulic_data: HydraulicData,
    memory_platform: Any,  # noqa: ANN401 - the platform in memory
    tmp_path: Path,
) -> None:
    given = {"hydraulic_data": hydraulic_data, "memory_platform": memory_platform, "tmp_path": tmp_path}
    tests = [item for name, item in vars(own_tests).items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
        test(**{name: given[name] for name in wanted})
