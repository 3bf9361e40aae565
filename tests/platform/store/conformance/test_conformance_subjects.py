from __future__ import annotations

import ast
from pathlib import Path

import tundish_platform.store

LOG = {"append", "replay", "release", "close", "next_sequence", "failed"}
OBJECTS = {"put", "local", "remove", "remove_all", "listing", "put_aside"}


def classes_with(methods: set[str]) -> set[str]:
    """Read, not imported: a module may need what is not installed, or start something."""
    (root,) = tundish_platform.store.__path__
    trees = [ast.parse(path.read_text()) for path in Path(root).rglob("*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {one.name for one in classes if methods <= methods_of(one) and not is_protocol(one)}


def methods_of(one: ast.ClassDef) -> set[str]:
    return {part.name for part in one.body if isinstance(part, ast.FunctionDef)}


def is_protocol(one: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in one.bases)


def test_every_log_is_tried(log_names: set[str]) -> None:
    assert classes_with(LOG) == log_names


def test_every_object_store_is_tried(objects_names: set[str]) -> None:
    assert classes_with(OBJECTS) == objects_names
