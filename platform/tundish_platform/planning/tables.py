"""The equipment tree and the signals as tables: out, and in again with every wrong cell named before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tundish_platform.assets import (
    AssetChange,
    AssetChanged,
    AssetInfo,
    AssetRefused,
    AssetSpec,
    SignalRefused,
    change_asset,
    create_asset,
    list_assets,
    list_signals,
    plan_signals,
)
from tundish_platform.assets.levels import above_path
from tundish_platform.assets.promises import broken_terms
from tundish_platform.assets.tree import MAX_PAGE
from tundish_platform.planning.outcome import Change
from tundish_platform.samples import SignalSpec
from tundish_platform.samples.sheets import truth_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

    Rows = Sequence[tuple[int, dict[str, str]]]

ASSET_COLUMNS: Final = ("path", "name_zh", "name_en", "position", "retired", "version")
SIGNAL_COLUMNS: Final = (
    "path", "name_zh", "name_en", "semantic", "kind", "role", "unit", "low", "high", "period_s", "step",
)  # fmt: skip
MAX_ROWS: Final = 5_000
_SOURCE: Final = "table"


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a row does.

    Attributes:
        row: its number in the file, the first one being 1.
        fields: columns that change.
    """

    row: int
    path: str
    change: Change
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong in a row.

    Attributes:
        row: its number in the file.
    """

    row: int
    column: str
    en: str
    zh: str


class TableRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """Some rows cannot be taken, so nothing may be written; ``faults`` names them."""

    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__(f"{len(faults)} faults, first {faults[0]}")
        self.faults = tuple(faults)


def _truth(cell: object) -> object:
    known = truth_of(cell) if isinstance(cell, str) else None
    return cell if known is None else known


class _AssetRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=400)]
    name_zh: str | None = None
    name_en: str | None = None
    position: int | None = None
    retired: Annotated[bool, BeforeValidator(_truth)] | None = None
    version: int | None = None


def asset_rows(session: Session, scope: TenantScope) -> list[tuple[object, ...]]:
    """The tree as rows of `ASSET_COLUMNS` by path, without the enterprise itself."""
    nodes = sorted(_tree(session, scope).values(), key=lambda node: node.path)
    return [
        (node.path, node.name_zh, node.name_en, node.position, node.retired_at is not None, node.version)
        for node in nodes
        if node.parent is not None
    ]


def signal_rows(session: Session, scope: TenantScope) -> list[tuple[object, ...]]:
    """The signals as rows of `SIGNAL_COLUMNS` by path."""
    return [
        tuple(signal.model_dump(mode="json")[name] for name in SIGNAL_COLUMNS)
        for signal in list_signals(session, scope)
    ]


def take_assets(session: Session, scope: TenantScope, rows: Rows, now: datetime) -> list[RowChange]:
    """Make and change nodes as the rows say; cells that are absent change nothing, and no row removes.

    Whoever only wants to look rolls the session back.

    Raises:
        AccessDenied: the scope may not configure.
        TableRefused: some rows are wrong; the session must be rolled back.
    """
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()
    work = _Assets(session, scope, now)
    # Parents first, wherever they stand in the file.
    for number, cells in sorted(rows, key=lambda row: row[1].get("path", "").count("/")):
        work.take(number, cells)
    if work.faults:
        raise TableRefused(sorted(work.faults, key=lambda fault: fault.row))
    return sorted(work.changes, key=lambda change: change.row)


def take_signals(session: Session, scope: TenantScope, rows: Rows) -> list[RowChange]:
    """Plan and change signals as the rows say; cells that are absent change nothing.

    A signal that a source declared stays that source's, and what it says next stands again.

    Raises:
        AccessDenied: the scope may not configure.
        TableRefused: some rows are wrong; the session must be rolled back.
        SignalQuotaReached: too many signals.
    """
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()
    known = {signal.path: signal for signal in list_signals(session, scope)}
    faults: list[RowFault] = []
    changes: list[RowChange] = []
    specs: dict[str, tuple[int, str, SignalSpec]] = {}
    met: set[str] = set()
    for number, cells in rows:
        path = cells.get("path", "")
        held = known.get(path)
        before = {} if held is None else _spec_of(held)
        try:
            spec = SignalSpec.model_validate(before | _signal_cells(cells))
        except ValidationError as error:
            faults += _faults_of(number, error)
            continue
        if path in met:
            faults.append(RowFault(number, "path", "stands in the table twice", "在表中出现两次"))
        met.add(path)
        after = spec.model_dump(mode="json")
        fields = tuple(name for name in after if held is not None and before[name] != after[name])
        change = Change.NEW if held is None else Change.CHANGED if fields else Change.KEPT
        changes.append(RowChange(number, path, change, fields))
        if change is not Change.KEPT:
            specs[path] = (number, _SOURCE if held is None else held.source, spec)
    faults += _refusals(session, scope, specs)
    if faults:
        raise TableRefused(sorted(faults, key=lambda fault: fault.row))
    return changes


class _Assets:
    """Rows of nodes on their way into the tree."""

    def __init__(self, session: Session, scope: TenantScope, now: datetime) -> None:
        self._session, self._scope, self._now = session, scope, now
        self._tree = _tree(session, scope)
        self._met: set[str] = set()
        self.changes: list[RowChange] = []
        self.faults: list[RowFault] = []

    def take(self, number: int, cells: dict[str, str]) -> None:
        try:
            row = _AssetRow.model_validate(cells)
            if row.path in self._met:
                self._wrong(number, "path", "stands in the table twice", "在表中出现两次")
                return
            self._met.add(row.path)
            held = self._tree.get(row.path)
            if held is None:
                self._make(number, row)
            elif row.version not in {None, held.version}:
                en = f"is {row.version}, but somebody made it {held.version}; export anew"
                self._wrong(number, "version", en, f"应为 {held.version}, 已被他人修改, 请重新导出")
            else:
                self._change(number, row, held)
        except ValidationError as error:
            self.faults += _faults_of(number, error)
        except AssetRefused as error:
            self._wrong(number, "path", f"is refused: {error.message_en}", error.message_zh)
        except AssetChanged:
            self._wrong(number, "version", "was changed by somebody else", "已被他人修改")

    def _make(self, number: int, row: _AssetRow) -> None:
        above, code = self._tree.get(above_path(row.path)), row.path.rpartition("/")[2]
        if above is None and "/" in row.path:
            self._wrong(number, "path", "has nothing above it, here or in the tree", "上级节点不存在")
            return
        spec = AssetSpec(
            parent=None if above is None else above.id, code=code, name_zh=row.name_zh or code,
            name_en=row.name_en or code, position=row.position or 0,
        )  # fmt: skip
        made = create_asset(self._session, self._scope, spec, self._now)
        if row.retired:
            gone = AssetChange(retired=True)
            made = change_asset(self._session, self._scope, made.id, made.version, gone, self._now)
        self._tree[row.path] = made
        self.changes.append(RowChange(number, row.path, Change.NEW))

    def _change(self, number: int, row: _AssetRow, held: AssetInfo) -> None:
        stands: dict[str, Any] = {
            "name_zh": held.name_zh, "name_en": held.name_en, "position": held.position,
            "retired": held.retired_at is not None,
        }  # fmt: skip
        said = {name: getattr(row, name) for name in stands}
        wanted = {name: value for name, value in said.items() if value not in {None, stands[name]}}
        if wanted:
            change = AssetChange.model_validate(wanted)
            self._tree[row.path] = change_asset(
                self._session, self._scope, held.id, held.version, change, self._now
            )
        kind = Change.CHANGED if wanted else Change.KEPT
        self.changes.append(RowChange(number, row.path, kind, tuple(wanted)))

    def _wrong(self, number: int, column: str, en: str, zh: str) -> None:
        self.faults.append(RowFault(number, column, en, zh))


def _tree(session: Session, scope: TenantScope) -> dict[str, AssetInfo]:
    found: dict[str, AssetInfo] = {}
    after = 0
    while True:
        nodes = list_assets(session, scope, after=after, retired=True)
        found |= {node.path: node for node in nodes}
        if len(nodes) < MAX_PAGE:
            return found
        after = nodes[-1].id


def _spec_of(signal: SignalInfo) -> dict[str, Any]:
    said = {name: getattr(signal, name) for name in SignalSpec.model_fields}
    return SignalSpec.model_validate(said).model_dump(mode="json")


def _signal_cells(cells: dict[str, str]) -> dict[str, object]:
    return {name: _truth(cell) if name == "step" else cell for name, cell in cells.items()}


def _refusals(
    session: Session, scope: TenantScope, specs: dict[str, tuple[int, str, SignalSpec]]
) -> list[RowFault]:
    """Plan the signals of each source; what is refused of them."""
    faults = [
        RowFault(
            specs[one.path][0], one.field, f"breaks the contract {one.name} v{one.version}",
            f"违反契约 {one.name} v{one.version}",
        )
        for one in broken_terms(session, scope, [spec for _, _, spec in specs.values()])
    ]  # fmt: skip
    for source in sorted({source for _, source, _ in specs.values()} if not faults else ()):
        mine = [spec for _, of, spec in specs.values() if of == source]
        try:
            plan_signals(session, scope, source, mine)
        except SignalRefused as error:
            faults.append(RowFault(specs[error.path][0], "path", error.message_en, error.message_zh))
    return faults


def _faults_of(number: int, error: ValidationError) -> Iterable[RowFault]:
    for problem in error.errors(include_url=False, include_context=False):
        column = ".".join(str(part) for part in problem["loc"]) or "path"
        message = str(problem["msg"]).removeprefix("Value error, ")
        yield RowFault(number, column, f"cannot be taken: {message}", f"无法使用: {message}")
