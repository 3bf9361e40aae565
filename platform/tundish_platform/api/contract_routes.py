"""Routes of contracts: what a source promises of its signals, in versions."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, request
from pydantic import BaseModel, Field

from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, whole
from tundish_platform.assets import (
    ContractBroken,
    ContractDetail,
    ContractInfo,
    ContractRefused,
    ContractSpec,
    UnknownContract,
    declare_contract,
    find_contract,
    list_contracts,
)
from tundish_platform.assets.contracts import MAX_PAGE
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_TEXT: Final = {"type": "string"}
_NAMED: Final = 100
SIGNAL: Final = Query("path", "Only the contract that names the signal with this path.", _TEXT)
AFTER: Final = Query("after", "Name of the last contract of the page before.", _TEXT)
LIMIT: Final = page(MAX_PAGE)
VERSION: Final = whole("version", 0, MAX_ID, 0, "Of the contract; 0 for the one that holds.")

routes = Blueprint("contracts", __name__)


class _Name(BaseModel):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]


@routes.get("/tenants/<tenant>/contracts")
@guarded(Permission.READ)
@described(SIGNAL, AFTER, LIMIT, answer=list[ContractInfo], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """The versions that hold, by name; with ``path`` the one on which readers of that signal may rely."""
    limit, path, after = LIMIT.read(), request.args.get("path", ""), request.args.get("after", "")
    with platform().metadata.session() as session:
        found = list_contracts(session, scope, path=path, after=after, limit=limit)
    rows = [one.model_dump(mode="json") for one in found]
    return paged(rows, "after", last_of(found, limit, "name"))


@routes.get("/tenants/<tenant>/contracts/<name>")
@guarded(Permission.READ)
@described(VERSION, answer=ContractDetail)
def one(scope: TenantScope, name: str) -> ResponseReturnValue:
    """A version with its terms, and where signals are not as promised now."""
    with platform().metadata.session() as session:
        return find_contract(session, scope, name, VERSION.read() or None).model_dump(mode="json")


@routes.put("/tenants/<tenant>/contracts/<name>")
@guarded(Permission.INGEST)
@described(body=ContractSpec, answer=ContractInfo)
def declare(scope: TenantScope, name: str, body: ContractSpec) -> ResponseReturnValue:
    """Promise something of signals; what breaks the version that holds is refused, or made the next one."""
    key = _Name(name=name).name
    with platform().metadata.session() as session:
        return declare_contract(session, scope, key, body, datetime.now(UTC)).model_dump(mode="json")


@routes.errorhandler(ContractRefused)
def _refused(error: ContractRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "contract_refused").response()


@routes.errorhandler(UnknownContract)
def _unknown(error: UnknownContract) -> ResponseReturnValue:
    return Problem(
        404, f"There is no contract {error}.", f"没有契约 {error}。", "unknown_contract"
    ).response()


@routes.errorhandler(ContractBroken)
def _broken(error: ContractBroken) -> ResponseReturnValue:
    first = error.broken[0]
    where = f"{first.path} ({first.field}: {first.was} → {first.becomes})"
    return Problem(
        409,
        f"{len(error.broken)} promises of {first.name} v{first.version} would be broken, first {where}. "
        "Send new_version to make the next version, or keep them.",
        f"将违反契约 {first.name} v{first.version} 的 {len(error.broken)} 项承诺, 首项 {where}。"
        "如确需更改, 请以 new_version 声明新版本。",
        "contract_broken",
        broken=[asdict(one) for one in error.broken[:_NAMED]],
    ).response()
