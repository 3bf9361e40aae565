"""Finds each place where the store keeps tenants apart, and writes the same source without it."""

from __future__ import annotations

import ast
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The first tenant of the store's tests is none of those that they are about, so whoever takes it for one of
# them is wrong every time.
_FIRST_ID: Final = 1
_FIRST_SLUG: Final = "first"
_OWNERS: Final = frozenset({"tenant_id", "tenant"})
_NAMES: Final = frozenset({"tenant_id", "tenant", "slug", "folder"})
_CHECKS: Final = frozenset({"require", "require_all_signals", "_check_signals"})
_WALLS: Final = ("allowed_directories", "enable_external_access", "lock_configuration")
_LOOKUPS: Final = frozenset({"get", "pop", "setdefault"})
_LOGS: Final = frozenset({"log", "_log_event", "logger"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One place without its check.

    Attributes:
        path: of the module, below the folder that was searched.
        line: of the place.
        what: was taken away, in words.
        number: which of the module's places.
        where: function or class around it, by its dotted name; the module itself has none.
        statement: first and last line of the statement, of one with a body without that body.
    """

    path: str
    line: int
    what: str
    number: int
    where: str = ""
    statement: tuple[int, int] = (0, 0)

    @property
    def key(self) -> str:
        """Names the place although lines move."""
        return f"{self.path}: {self.where}: {self.what}"


def mutants(folder: Path) -> list[Mutant]:
    """All places of all modules of a folder."""
    return [
        mutant
        for path in sorted(folder.rglob("*.py"))
        if "testing" not in path.relative_to(folder).parts
        for mutant in _of_module(str(path.relative_to(folder)), ast.parse(path.read_text()))
    ]


def _of_module(path: str, tree: ast.Module) -> Iterator[Mutant]:
    around = _around(tree)
    for number, (node, what, _) in enumerate(_places(tree)):
        where, statement = around[id(node)]
        yield Mutant(path, node.lineno, what, number, where, statement)


def _around(tree: ast.Module) -> dict[int, tuple[str, tuple[int, int]]]:
    """By node, the dotted name of what it stands in and the lines of its statement."""
    found: dict[int, tuple[str, tuple[int, int]]] = {}

    def visit(node: ast.AST, where: str, lines: tuple[int, int]) -> None:
        if isinstance(node, ast.stmt):
            body: list[ast.stmt] = getattr(node, "body", [])
            lines = (node.lineno, max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or 0)
        found[id(node)] = where, lines
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            where = f"{where}.{node.name}".lstrip(".")
        for inner in ast.iter_child_nodes(node):
            visit(inner, where, lines)

    visit(tree, "", (0, 0))
    return found


def mutated(source: str, number: int) -> str:
    """The source with its place of that number changed; comments are lost."""
    tree = ast.parse(source)
    for place, (_, _, change) in enumerate(_places(tree)):
        if place == number:
            change()
            break
    return ast.unparse(ast.fix_missing_locations(tree))


_Place = tuple["ast.expr | ast.stmt", str, "Callable[[], None]"]


def _places(tree: ast.AST) -> Iterator[_Place]:
    """Node, words, and how to change it."""
    silent = {id(inner) for node in ast.walk(tree) if _is_talk(node) for inner in ast.walk(node)}
    for node in list(ast.walk(tree)):
        if id(node) in silent:
            continue
        for name, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else [value]
            for index, item in enumerate(items):
                if not isinstance(item, ast.expr | ast.stmt) or id(item) in silent:
                    continue
                found = _change(node, item)
                if found is not None:
                    what, new = found
                    yield item, f"{ast.unparse(item)} → {what}", _setter(node, name, index, new)


def _setter(node: ast.AST, name: str, index: int, new: ast.AST | None) -> Callable[[], None]:
    def change() -> None:
        value = getattr(node, name)
        if not isinstance(value, list):
            setattr(node, name, new)
        elif new is None:
            del value[index]
        else:
            value[index] = new

    return change


def _change(parent: ast.AST, node: ast.AST) -> tuple[str, ast.AST | None] | None:
    """What takes the place of a node that keeps tenants apart, or None for all others."""
    always = "always true", ast.Constant(value=True)
    match node:
        case ast.Expr(value=ast.Call(func=called)) if _name(called) in _CHECKS:
            change: tuple[str, ast.AST | None] | None = ("no check", ast.Pass())
        case ast.Compare(left=a, ops=[ast.Eq()], comparators=[b]) if _NAMES & {_name(a), _name(b)}:
            # Of an SQL expression a plain True would be something else.
            change = ("always true", ast.Compare(a, [ast.Eq()], [deepcopy(a)]))
        case ast.Compare(left=a, ops=[ast.In()]) if _name(a) in _OWNERS:
            change = always
        case ast.Call(func=ast.Attribute(attr="fullmatch")):
            change = always
        case ast.Attribute(value=ast.Name(id="scope"), attr="signals", ctx=ast.Load()):
            change = ("all signals", ast.Constant(value=None))
        case ast.Constant(value=str(text)) | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if (
            text.startswith(_WALLS) and isinstance(parent, ast.Tuple)
        ):
            change = ("no wall", None)
        case _:
            change = _other_tenant(parent, node)
    return change


def _other_tenant(parent: ast.AST, node: ast.AST) -> tuple[str, ast.AST] | None:
    """The first tenant in the place of the one that is meant."""
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return None
    name = _name(node)
    if name == "slug" and isinstance(parent, ast.Call | ast.BinOp | ast.keyword):
        return "the first tenant's", ast.Constant(value=_FIRST_SLUG)
    used = isinstance(parent, ast.Call | ast.keyword | ast.Subscript)
    if name in _OWNERS and used and node is not getattr(parent, "func", None):
        return "the first tenant's", ast.Constant(value=_FIRST_ID)
    return None


def _is_talk(node: ast.AST) -> bool:
    """Logs, messages, annotations and docstrings separate nobody."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in _LOGS:
            return True
        case ast.Raise() | ast.arguments() | ast.AnnAssign(value=None):
            return True
    return False


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
