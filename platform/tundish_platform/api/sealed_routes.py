"""Routes of sealed documents: kept for a tenant, shared by a code, fetched by whoever has it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response

from tundish_platform.api import record_shapes as shapes
from tundish_platform.api.context import app_here, platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded, open_as_door, open_to_all
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole
from tundish_platform.marketplace.records import (
    DocumentInfo,
    Sealer,
    UndeclaredDocument,
    UnknownDocument,
    document_file,
    documents,
    keep_documents,
    share,
    shared_file,
    unshare,
)
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

BEFORE: Final = whole("before", 0, MAX_ID, 0, "Number of the last row of the page before; 0 for the newest.")
LIMIT: Final = page(100, 50)
LONGEST: Final = timedelta(days=366)

routes = Blueprint("sealed", __name__)


@routes.get("/tenants/<tenant>/apps/<app_id>/documents")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[DocumentInfo], headers=(LINK,))
def listed(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """The app's sealed documents, newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = documents(session, scope, app_id, BEFORE.read(), limit)
    return paged([one.model_dump(mode="json") for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/apps/<app_id>/documents")
@guarded(Permission.ANALYSE)
@described(body=shapes.DocumentsBody, answer=shapes.KeptDocuments, status=201)
def keep(scope: TenantScope, app_id: str, body: shapes.DocumentsBody) -> ResponseReturnValue:
    """Seal and keep what a run of the app handed back."""
    manifest = app_here(scope, app_id).manifest
    with platform().metadata.session() as session:
        return {"ids": keep_documents(session, scope, sealer(), manifest, body.documents)}, 201


@routes.get("/tenants/<tenant>/documents/<int:number>")
@guarded(Permission.READ)
@described(answer=shapes.SealedFile)
def own(scope: TenantScope, number: int) -> Response:
    """The file of one of the tenant's documents."""
    with platform().metadata.session() as session:
        return _file(document_file(session, scope, number))


@routes.post("/tenants/<tenant>/documents/<int:number>/share")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=shapes.ShareBody, answer=DocumentInfo)
def share_by_code(scope: TenantScope, number: int, body: shapes.ShareBody) -> ResponseReturnValue:
    """Let whoever has the code fetch it until then, for a year at most."""
    now = utc_now()
    if not now < body.until <= now + LONGEST:
        raise Problem(
            422, "Share it until an instant in the future, at most a year away.",
            "共享截止时间须在未来一年之内。", "bad_until",
        )  # fmt: skip
    with platform().metadata.session() as session:
        return share(session, scope, number, body.until, now).model_dump(mode="json")


@routes.delete("/tenants/<tenant>/documents/<int:number>/share")
@guarded(Permission.SUBSCRIBE)
@described(answer=shapes.Unshared)
def share_end(scope: TenantScope, number: int) -> ResponseReturnValue:
    """Take the code back at once."""
    with platform().metadata.session() as session:
        return {"unshared": unshare(session, scope, number)}


@routes.get("/documents/<code>")
@open_as_door
@described(answer=shapes.SealedFile)
def shared(code: str) -> Response:
    """The file behind a code, while its tenant shares it and the consent behind it stands."""
    with platform().metadata.above(Above.DOCUMENTS).session() as session:
        return _file(shared_file(session, code, utc_now()))


@routes.get("/document-key")
@open_to_all
@described(answer=shapes.DocumentKey)
def key() -> ResponseReturnValue:
    """The key that seals documents."""
    return {"public_key": sealer().public, "fingerprint": sealer().mark}


def sealer() -> Sealer:
    """What signs documents here.

    Raises:
        Problem: this server has no key for them.
    """
    found = platform().sealer
    if found is None:
        raise Problem(
            404, "This server has no key to seal documents with.", "本服务器没有签署文件的密钥。", "no_seal"
        )
    return found


def _file(content: str) -> Response:
    return Response(content, mimetype="application/json")


@routes.errorhandler(UnknownDocument)
def _unknown(_error: UnknownDocument) -> Response:
    return Problem(
        404, "There is no such document, or it is not shared any more.", "没有该文件,或已不再共享。",
        "unknown_document",
    ).response()  # fmt: skip


@routes.errorhandler(UndeclaredDocument)
def _undeclared(error: UndeclaredDocument) -> Response:
    return Problem(422, f"{error!s:.200}.", "应用清单中没有声明该文件。", "undeclared_document").response()
