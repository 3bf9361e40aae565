"""A new app from the template, in a folder of its own."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from tundish_platform.samples.semantics import semantic_kind, semantic_kinds

if TYPE_CHECKING:
    from pathlib import Path

_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MOST_ID: Final = 40
# Where each template goes; ``@package@`` is the package's folder.
_FILES: Final = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "samples.csv": "samples.csv",
    "app.toml": "@package@/app.toml",
    "app.py": "@package@/app.py",
    "__init__.py": "@package@/__init__.py",
    "py.typed": "@package@/py.typed",
    "card_zh.md": "@package@/card_zh.md",
    "card_en.md": "@package@/card_en.md",
    "test_app.py": "tests/test_@snake@.py",
}


class AppRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """No app can be made like that; says why."""


def make_app(folder: Path, app_id: str, publisher: str, semantic: str, names: tuple[str, str]) -> Path:
    """Write a working app to ``<folder>/<id>``; returns that folder.

    Args:
        folder: where apps lie.
        app_id: lower case with hyphens.
        publisher: as it publishes.
        semantic: the kind, or family ending in ``.*``, of the signals it reads.
        names: in Chinese and in English.

    Raises:
        AppRefused: the id, the semantic kind, a name, or that there is such a folder already.
    """
    if not _ID.fullmatch(app_id) or len(app_id) > _MOST_ID:
        raise AppRefused(f"{app_id!r} is no id: lower case letters, digits and hyphens, at most {_MOST_ID}")
    stem = semantic.removesuffix(".*")
    example = next((name for name in sorted(semantic_kinds()) if name.startswith(f"{stem}.")), stem)
    kind = semantic_kind(example)
    if kind is None:
        raise AppRefused(f"there is no semantic kind {semantic!r}; the vocabulary's are {_some_kinds()}")
    if any(set(text) & set('"\\\n{}') or not text.strip() for text in (publisher, *names)):
        raise AppRefused("names hold neither quotes, braces nor line ends, and are not empty")
    place = folder / app_id
    if place.exists():
        raise AppRefused(f"{place} exists already")
    snake = app_id.replace("-", "_")
    words = {
        "id": app_id, "snake": snake, "package": f"tundish_app_{snake}", "publisher": publisher,
        "semantic": semantic, "example": example if semantic != stem else stem, "unit": kind.unit,
        "key": re.sub(r"\W", "_", stem.partition(".")[0]), "name_zh": names[0], "name_en": names[1],
    }  # fmt: skip
    for template, target in _FILES.items():
        file = place / _filled(target, words)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = files(__package__).joinpath("templates", f"{template}.txt").read_text("utf-8")
        file.write_text(_filled(text, words), encoding="utf-8")
    return place


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda found: words[found[1]], text)


def _some_kinds() -> str:
    return ", ".join(sorted({name.partition(".")[0] for name in semantic_kinds()}))
