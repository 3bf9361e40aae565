"""Finds each place that keeps tenants apart or refuses somebody, and writes the same source without it."""

from __future__ import annotations

import ast
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_OWNERS: Final = frozenset({"tenant_id", "tenant"})
_NAMES: Final = frozenset({"tenant_id", "tenant", "slug", "folder"})
_CHECKS: Final = frozenset(
    {
        *("require", "require_all_signals", "_check_signals", "access_programme", "protect"),
        *("take_for", "take_in", "take_stranger", "take_at_door"),
    }
)
_CALLERS: Final = frozenset({"principal", "who"})
_WALLS: Final = ("allowed_directories", "enable_external_access", "lock_configuration")
_LOOKUPS: Final = frozenset({"get", "pop", "setdefault"})
_LOGS: Final = frozenset({"_log", "log", "_log_event", "logger"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What is changed, and into what.

    Attributes:
        number, slug: of another tenant than the one that the tests are about, so that whoever takes it for
            that one is wrong every time.
        words: how reports call it.
        refusals: whether each ``if …: raise …`` is a place, too.
    """

    number: int = 1
    slug: str = "first"
    words: str = "the first tenant's"
    refusals: bool = False


STORES: Final = Rules()
"""No test of the store is about the first tenant."""


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


def mutants(folder: Path, modules: Iterable[str] = ("**/*.py",), rules: Rules = STORES) -> list[Mutant]:
    """All places of the modules of a folder that the patterns name."""
    paths = {path for pattern in modules for path in folder.glob(pattern)}
    return [
        mutant
        for path in sorted(paths)
        if "testing" not in path.relative_to(folder).parts
        for mutant in _of_module(str(path.relative_to(folder)), ast.parse(path.read_text()), rules)
    ]


def _of_module(path: str, tree: ast.Module, rules: Rules) -> Iterator[Mutant]:
    around = _around(tree)
    for number, (node, what, _) in enumerate(_places(tree, rules)):
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


def mutated(source: str, number: int, rules: Rules = STORES) -> str:
    """The source with its place of that number changed; comments are lost."""
    tree = ast.parse(source)
    for place, (_, _, change) in enumerate(_places(tree, rules)):
        if place == number:
            change()
            break
    return ast.unparse(ast.fix_missing_locations(tree))


_Place = tuple["ast.expr | ast.stmt", str, "Callable[[], None]"]


def _places(tree: ast.AST, rules: Rules) -> Iterator[_Place]:
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
                found = _change(node, item, rules)
                if found is not None:
                    what, new = found
                    shown = item.test if isinstance(item, ast.If) else item
                    yield item, f"{ast.unparse(shown)} → {what}", _setter(node, name, index, new)


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


def _change(parent: ast.AST, node: ast.AST, rules: Rules) -> tuple[str, ast.AST | None] | None:
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
        case ast.If(body=[ast.Raise()], orelse=[]) if rules.refusals:
            change = "not refused", ast.Pass()
        case ast.Attribute(value=ast.Name(id=name)) if name in _CALLERS and isinstance(
            parent, ast.Tuple | ast.FormattedValue
        ):
            change = "all callers alike", ast.Constant(value=0)
        case _:
            change = _other_tenant(parent, node, rules)
    return change


def _other_tenant(parent: ast.AST, node: ast.AST, rules: Rules) -> tuple[str, ast.AST] | None:
    """Another tenant in the place of the one that is meant."""
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return None
    # What is called keeps its name: a text called like a function is no program.
    if node is getattr(parent, "func", None):
        return None
    name = _name(node)
    if name == "slug" and isinstance(parent, ast.Call | ast.BinOp | ast.keyword):
        return rules.words, ast.Constant(value=rules.slug)
    if name in _OWNERS and isinstance(parent, ast.Call | ast.keyword | ast.Subscript):
        return rules.words, ast.Constant(value=rules.number)
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
