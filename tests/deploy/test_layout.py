"""The layout's traps: a package file in the wrong place shadows the standard library's `platform`."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("platform", "connectors", "analytics", "dashboards", "deploy")


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_package_file_shadows_the_standard_library() -> None:
    wrong = [ROOT / folder / "__init__.py" for folder in FOLDERS if (ROOT / folder / "__init__.py").exists()]
    wrong += list((ROOT / "tests").rglob("__init__.py"))
    assert wrong == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_holds_its_package(folder: str) -> None:
    assert (ROOT / folder / f"tundish_{folder}" / "__init__.py").is_file()
    assert (ROOT / folder / f"tundish_{folder}" / "py.typed").is_file()


def test_no_file_outgrows_its_purpose() -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text("utf-8").splitlines())
        for path in tracked_files()
        if path.suffix == ".py"
    }
    assert {path: lines for path, lines in lengths.items() if lines > 450} == {}


def test_no_function_outgrows_its_purpose() -> None:
    long = []
    for path in tracked_files():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {lines}")
    assert long == []


def test_nothing_unfinished_or_switched_off_is_committed() -> None:
    words = r"NotImplementedError|\bTODO\b|\bFIXME\b|pytest\.(skip|xfail)|mark\.(skip|xfail)"
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix == ".py" and path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(words, line)
    ]
    assert found == []


def test_lock_files_name_no_host() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock.read_text("utf-8")), lock
