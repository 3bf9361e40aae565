"""Routes of the audit trail: a tenant's own entries, and the operator's export of all."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Final

from flask import Blueprint

from tundish_platform.api import shapes
from tundish_platform.api.answers import download
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.guard import guarded, guarded_above
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.audit import MAX_PAGE, Entry, Verdict, all_entries, entries_of, head, verify_trail
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope
    from tundish_platform.tenancy.metadata import Metadata

_MOST: Final = 2**62
_LINES: Final = "application/x-ndjson"
_BLOCK: Final = 1_000

BEFORE: Final = whole("before", 0, _MOST, 0, "Number of the last entry of the page before; 0 for the newest.")
AFTER: Final = whole("after", 0, _MOST, 0, "Number of the last entry that is known.")
LIMIT: Final = page(MAX_PAGE)

routes = Blueprint("audit", __name__)


@routes.get("/tenants/<tenant>/audit")
@guarded(Permission.MANAGE)
@described(BEFORE, LIMIT, answer=list[Entry], headers=(LINK,))
def of_tenant(scope: TenantScope) -> ResponseReturnValue:
    """What was done in the tenant, newest first; ``before`` a number for the next page."""
    before, limit = BEFORE.read(), LIMIT.read()
    with platform().metadata.session() as session:
        found = entries_of(session, scope, before=before or None, limit=limit)
    last = last_of(found, limit, "number")
    return paged([asdict(entry) for entry in found], "before", last)


@routes.get("/audit")
@guarded_above(Permission.OPERATE)
@described(AFTER, gives=(_LINES,))
def export(_principal: Principal) -> Response:
    """The whole trail, one entry a line, for `tundish audit verify`; tenants' details stay with them."""
    return download(_lines(platform().metadata, AFTER.read()), _LINES, "audit.ndjson")


@routes.get("/audit/head")
@guarded_above(Permission.OPERATE)
@described(answer=shapes.Anchor)
def anchor(_principal: Principal) -> ResponseReturnValue:
    """Number and digest of the last entry; keep it elsewhere, and the trail cannot be made anew unseen."""
    with platform().metadata.session() as session:
        number, digest = head(session)
    return {"number": number, "digest": digest}


@routes.get("/audit/verify")
@guarded_above(Permission.OPERATE)
@described(answer=Verdict)
def verified(_principal: Principal) -> ResponseReturnValue:
    """Follow the whole trail as it stands in the database."""
    with platform().metadata.session() as session:
        return asdict(verify_trail(session))


def _lines(metadata: Metadata, after: int) -> Iterator[bytes]:
    """The trail, block by block, so that a slow reader holds no transaction open."""
    while True:
        with metadata.session() as session:
            block = list(islice(all_entries(session, after), _BLOCK))
        shown = (entry.withheld() if entry.tenant else entry for entry in block)
        yield from (entry.line().encode() + b"\n" for entry in shown)
        if len(block) < _BLOCK:
            return
        after = block[-1].number
