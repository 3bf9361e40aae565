"""Finds statements on tenants' tables that name no tenant, and work above tenants that nobody listed.

Run as ``python -m tundish_deploy.checks.tenants`` in a checkout; ends with code 1 if it finds anything.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tundish_deploy.checks.exempt import ABOVE, EXEMPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FOLDERS: Final = ("platform", "connectors", "analytics", "dashboards", "deploy/tundish_deploy")
_BUILDERS: Final = frozenset({"select", "update", "delete", "exists", "query"})
_JOINS: Final = frozenset({"select_from", "join", "outerjoin", "join_from", "add_columns"})
_GETTERS: Final = frozenset({"get", "get_one"})
_SQL: Final = frozenset({"text", "exec_driver_sql"})
_OWNER: Final = "tenant_id"


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that reaches tenants' rows past the guard.

    Attributes:
        path: of the module, below the checkout.
        line: of the place.
        where: function or class around it, by its dotted name.
        words: what is wrong and what to do.
        above: it is work above tenants, which is listed by module.
    """

    path: str
    line: int
    where: str
    words: str
    above: bool = False

    @property
    def key(self) -> str:
        """Names the place although lines move."""
        return self.path if self.above else f"{self.path}::{self.where}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.where or 'module'}: {self.words}"


def owned_models(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Classes that inherit `TenantOwned`, with their tables' names."""
    return {
        node.name: _table_name(node)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "TenantOwned" in {_last(base) for base in node.bases}
    }


def findings(sources: Mapping[str, str], models: Mapping[str, str] | None = None) -> list[Finding]:
    """What is wrong in the modules, exempt or not.

    Args:
        sources: text by path.
        models: tables by class; those that the sources declare, if absent.
    """
    trees = {path: ast.parse(source) for path, source in sources.items()}
    owned = owned_models(trees.values()) if models is None else models
    return [finding for path, tree in trees.items() for finding in _Module(path, tree, owned).findings()]


def found_in(root: Path) -> list[Finding]:
    """The findings of a checkout, exempt or not."""
    paths = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    # A migration changes every tenant's rows; that is what it is for.
    return findings({str(p.relative_to(root)): p.read_text() for p in paths if p.parent.name != "versions"})


def unexcused(found: Iterable[Finding]) -> list[str]:
    """What nothing exempts, and exemptions that nothing needs, in words."""
    known, keys = EXEMPT.keys() | ABOVE.keys(), set()
    wrong = []
    for finding in found:
        keys.add(finding.key)
        if finding.key not in known:
            wrong.append(str(finding))
    return wrong + [
        f"{key}: is exempt, and there is nothing to exempt any more" for key in sorted(known - keys)
    ]


class _Module:
    """One module: its parents' links, its helpers that filter, and what each function calls filtered."""

    def __init__(self, path: str, tree: ast.Module, owned: Mapping[str, str]) -> None:
        self._path, self._tree, self._owned = path, tree, owned
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._helpers = {
            node.name: self._named(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and {"scope", _OWNER} & {a.arg for a in _arguments(node)}
        }
        tables = "|".join(re.escape(name) for name in owned.values()) or "(?!)"
        self._raw = re.compile(rf'\b(?:from|join|update|into|table)\s+"?(?:{tables})\b', re.IGNORECASE)

    def findings(self) -> Iterator[Finding]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                if _last(node.func) == "above" and any(_is_work(argument) for argument in node.args):
                    words = "works above tenants; take a TenantScope, or list the module with its reason"
                    yield Finding(self._path, node.lineno, self._where(node), words, above=True)
                for words in self._of_call(node):
                    yield Finding(self._path, node.lineno, self._where(node), words)
            elif isinstance(node, ast.Subscript | ast.Attribute) and self._is_bare_table(node):
                words = "takes a tenants' table by its name; use its class and filter by the scope"
                yield Finding(self._path, node.lineno, self._where(node), words)

    def _of_call(self, call: ast.Call) -> Iterator[str]:
        name = _last(call.func)
        if name in _SQL and any(self._raw.search(text) for text in _texts(call)):
            yield "SQL on a tenants' table; build the statement from its class and filter by the scope"
        elif name in _GETTERS and call.args and _last(call.args[0]) in self._owned:
            if not any(_is_owner(node) for key in call.args[1:] for node in ast.walk(key)):
                yield f"{name}({_last(call.args[0])}, …) by a key without scope.tenant_id"
        elif name in _BUILDERS | _JOINS:
            for model in sorted(self._models(call) - self._filtered(self._chain(call))):
                yield f"{name}({model}, …) without {model}.tenant_id == scope.tenant_id in the same statement"

    def _models(self, call: ast.Call) -> set[str]:
        """Tenants' classes that a builder's arguments name, but not those in statements within them."""
        found: set[str] = set()
        waiting: list[ast.AST] = [*call.args, *call.keywords]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Call) and _last(node.func) in _BUILDERS:
                continue
            if isinstance(node, ast.Name) and node.id in self._owned:
                found.add(node.id)
            waiting.extend(ast.iter_child_nodes(node))
        return found

    def _chain(self, node: ast.AST) -> ast.AST:
        """The whole of ``select(…).where(…).order_by(…)`` around its first call."""
        while True:
            parent = self._parents[node]
            if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
                node = parent
            else:
                return node

    def _filtered(self, chain: ast.AST) -> set[str]:
        """Classes whose owner the chain names: by itself, by a name given before, or through a helper."""
        found = self._named(chain)
        function = self._function(chain)
        before = {} if function is None else self._given(function)
        for node in ast.walk(chain):
            if isinstance(node, ast.Name):
                found |= before.get(node.id, set())
            elif isinstance(node, ast.Call):
                found |= self._helpers.get(_last(node.func), set())
        return found

    def _given(self, function: ast.AST) -> dict[str, set[str]]:
        return {
            _last(target): self._named(node.value)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
        }

    def _named(self, node: ast.AST) -> set[str]:
        """Classes that some comparison below the node binds to a tenant."""
        found = set()
        for inner in ast.walk(node):
            if isinstance(inner, ast.Compare) and isinstance(inner.ops[0], ast.Eq):
                left, right = inner.left, inner.comparators[0]
                for one, other in ((left, right), (right, left)):
                    owner = one.value if isinstance(one, ast.Attribute) and one.attr == _OWNER else None
                    if isinstance(owner, ast.Name) and owner.id in self._owned and _is_owner(other):
                        found.add(owner.id)
        return found

    def _is_bare_table(self, node: ast.Subscript | ast.Attribute) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "__table__" and _last(node.value) in self._owned
        name = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return _last(node.value) == "tables" and name in self._owned.values()

    def _function(self, node: ast.AST) -> ast.AST | None:
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, ast.FunctionDef):
                return node
        return None

    def _where(self, node: ast.AST) -> str:
        names: list[str] = []
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.insert(0, node.name)
        return ".".join(names)


def _is_owner(node: ast.AST) -> bool:
    """``scope.tenant_id`` or a parameter of that name, but no literal and no other table's key."""
    return _last(node) == _OWNER


def _is_work(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and _last(node.value) == "Above"


def _table_name(model: ast.ClassDef) -> str:
    for node in model.body:
        if isinstance(node, ast.Assign) and _last(node.targets[0]) == "__tablename__":
            return str(ast.literal_eval(node.value))
    return model.name.lower()


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _texts(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _last(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


if __name__ == "__main__":
    wrong = unexcused(found_in(Path.cwd()))
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    sys.exit(1 if wrong else 0)
