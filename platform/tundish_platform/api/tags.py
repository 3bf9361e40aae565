"""ETags: who has an answer gets 304, and who changes a thing may say which version was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import current_app, request

from tundish_platform.api.described import description_of
from tundish_platform.api.errors import Problem

if TYPE_CHECKING:
    from flask import Response

_OK: Final = 200
# Kept by who asked only, and asked for again each time: roles may have changed since.
_KEPT: Final = "private, no-cache"


def tagged(response: Response) -> Response:
    """Give the answers of routes described as tagged an ETag, and 304 to who has it already."""
    view = current_app.view_functions.get(request.endpoint or "")
    says = description_of(view) if view else None
    if (
        says is None
        or not says.tagged
        or response.status_code != _OK
        or request.method not in {"GET", "HEAD"}
    ):
        return response
    response.headers["Cache-Control"] = _KEPT
    response.vary.add("Authorization")
    if "ETag" not in response.headers:
        response.add_etag()
    response.make_conditional(request)
    return response


def versioned(response: Response, version: int) -> Response:
    """The answer with the version of what it shows as its ETag."""
    response.set_etag(str(version))
    return response


def wanted_version() -> int | None:
    """The version that ``If-Match`` names, the only one to be changed; ``None`` without the header.

    Raises:
        Problem: the header names no version.
    """
    if not request.if_match or request.if_match.star_tag:
        return None
    # Werkzeug reads an empty tag as None.
    tags = {tag or "" for tag in request.if_match.as_set()}
    if len(tags) == 1 and (text := tags.pop()).isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004 - ids end there
        return int(text)
    raise changed_meanwhile()


def changed_meanwhile() -> Problem:
    """What stands is not what ``If-Match`` names."""
    return Problem(412)
