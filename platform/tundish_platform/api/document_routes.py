"""The API's description of itself: the OpenAPI document, and the same as a page that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, current_app, jsonify

from tundish_platform.api.described import described
from tundish_platform.api.docspage import STYLE_SOURCE, page_of
from tundish_platform.api.guard import open_to_all
from tundish_platform.api.openapi import document

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_HTML: Final = "text/html"
_KEPT: Final = "tundish_openapi"

CLOSED: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""A content security policy under which a browser does nothing with an answer but show it."""

routes = Blueprint("document", __name__)


@routes.get("/openapi.json")
@open_to_all
@described(answer=dict[str, Any], tagged=True)
def openapi() -> ResponseReturnValue:
    """This description in OpenAPI 3.1."""
    return jsonify(_document())


@routes.get("/docs")
@open_to_all
@described(gives=(_HTML,))
def docs() -> ResponseReturnValue:
    """This description as a page."""
    page = Response(page_of(_document()), mimetype=_HTML)
    page.headers["Content-Security-Policy"] = f"{CLOSED}; style-src {STYLE_SOURCE}"
    return page


def _document() -> dict[str, Any]:
    """Made once: routes do not change while an application runs."""
    kept = current_app.extensions
    if _KEPT not in kept:
        kept[_KEPT] = document(current_app)
    found: dict[str, Any] = kept[_KEPT]
    return found
