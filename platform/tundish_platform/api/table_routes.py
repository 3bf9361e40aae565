"""Routes of the tables that people edit: equipment and signals as CSV or Excel, out and in again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel

from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.parameters import word
from tundish_platform.api.rowerrors import RowErrors
from tundish_platform.api.tags import changed_meanwhile
from tundish_platform.assets.nodes import hold_tree
from tundish_platform.planning.tables import (
    ASSET_COLUMNS,
    MAX_ROWS,
    SIGNAL_COLUMNS,
    RowChange,
    TableRefused,
    asset_rows,
    signal_rows,
    take_assets,
    take_signals,
)
from tundish_platform.samples.sheets import SheetError, read_sheet, write_sheet
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

    Read = Callable[[Session, TenantScope], list[tuple[object, ...]]]
    Rows = list[tuple[int, dict[str, str]]]
    Take = Callable[[Session, TenantScope, Rows], list[RowChange]]

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA: Final = (CSV, XLSX)
_NAMED: Final = 1_000
FORMAT: Final = word("format", ("csv", "xlsx"), "csv", "Of the file.")
APPLY: Final = word("apply", ("true", "false"), "false", "Whether to write, or only to say what would be.")

routes = Blueprint("tables", __name__)


class Changes(BaseModel):
    """What a table does, or would do.

    Attributes:
        rows: the first thousand that do something, by their number in the file.
    """

    applied: bool
    new: int
    changed: int
    kept: int
    rows: list[TableRow]


class TableRow(BaseModel):
    """A row that does something."""

    row: int
    path: str
    change: Literal["new", "changed"]
    fields: list[str]


Changes.model_rebuild()


@routes.get("/tenants/<tenant>/tables/assets")
@guarded(Permission.READ)
@described(FORMAT, gives=MEDIA, tagged=True)
def assets(scope: TenantScope) -> ResponseReturnValue:
    """The equipment tree as a file; its ETag is what a changed file is sent with."""
    return _file(scope, "assets", ASSET_COLUMNS, asset_rows)


@routes.get("/tenants/<tenant>/tables/signals")
@guarded(Permission.READ)
@described(FORMAT, gives=MEDIA, tagged=True)
def signals(scope: TenantScope) -> ResponseReturnValue:
    """The signals as a file; its ETag is what a changed file is sent with."""
    return _file(scope, "signals", SIGNAL_COLUMNS, signal_rows)


@routes.put("/tenants/<tenant>/tables/assets")
@guarded(Permission.CONFIGURE)
@described(APPLY, media=MEDIA, answer=Changes, matched=True)
def assets_take(scope: TenantScope) -> ResponseReturnValue:
    """What a file does to the tree, or with ``apply`` do it: all of it, or nothing if a row is wrong."""
    now = datetime.now(UTC)

    def take(session: Session, scope: TenantScope, rows: Rows) -> list[RowChange]:
        return take_assets(session, scope, rows, now)

    return _take(scope, ASSET_COLUMNS, asset_rows, take)


@routes.put("/tenants/<tenant>/tables/signals")
@guarded(Permission.CONFIGURE)
@described(APPLY, media=MEDIA, answer=Changes, matched=True)
def signals_take(scope: TenantScope) -> ResponseReturnValue:
    """What a file does to the signals, or with ``apply`` do it: all of it, or nothing if a row is wrong."""
    return _take(scope, SIGNAL_COLUMNS, signal_rows, take_signals)


@routes.errorhandler(TableRefused)
def _refused(error: TableRefused) -> ResponseReturnValue:
    wrong = RowErrors()
    for fault in error.faults:
        wrong.add(fault.row, fault.column, fault.en, fault.zh)
    return wrong.problem().response()


@routes.errorhandler(SheetError)
def _no_sheet(error: SheetError) -> ResponseReturnValue:
    return Problem(
        400, f"The file cannot be read ({error!s:.300}).", f"文件无法读取 ({error!s:.300})。", "bad_sheet"
    ).response()


def _file(scope: TenantScope, name: str, columns: Sequence[str], read: Read) -> Response:
    excel = FORMAT.read() == "xlsx"
    with platform().metadata.session() as session:
        rows = read(session, scope)
    answer = Response(
        write_sheet(columns, rows, name, excel=excel), content_type=XLSX if excel else f"{CSV}; charset=utf-8"
    )
    answer.headers["Content-Disposition"] = f"attachment; filename={name}.{'xlsx' if excel else 'csv'}"
    answer.set_etag(_tag(rows))
    return answer


def _take(scope: TenantScope, columns: Sequence[str], read: Read, take: Take) -> Response | dict[str, Any]:
    if request.mimetype not in MEDIA:
        raise Problem(415, f"Send {CSV} or {XLSX}.", f"请使用内容类型 {CSV} 或 {XLSX}。")
    apply = APPLY.read() == "true"
    if apply and not request.if_match:
        raise Problem(428)
    rows = read_sheet(
        request.get_data(), columns, "path", excel=request.mimetype == XLSX, max_rows=MAX_ROWS + 1
    )
    with platform().metadata.session() as session:
        # Nobody changes the tree between the look at its tag and the change.
        hold_tree(session, scope)
        if request.if_match and _tag(read(session, scope)) not in request.if_match:
            raise changed_meanwhile()
        done = take(session, scope, rows)
        if not apply:
            # What would be is what was done, taken back.
            session.rollback()
    counts = {name: sum(one.change == name for one in done) for name in ("new", "changed", "kept")}
    told = [asdict(one) for one in done if one.change != "kept"][:_NAMED]
    return {"applied": apply, **counts, "rows": told}


def _tag(rows: Sequence[tuple[object, ...]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:32]
