"""Lists that grow: a page at a time, and the address of the next one in the Link header (RFC 8288)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import jsonify, request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response

LINK: Final = ("Link", 'Address of the next page with rel="next"; absent on the last page.')


def last_of(found: Sequence[object], limit: int, name: str = "id") -> object:
    """That attribute of the last one of a full page, behind which the next goes on; None on the last page."""
    return getattr(found[-1], name) if len(found) == limit else None


def paged(rows: Sequence[Any], cursor: str, last: object) -> Response:
    """A page as JSON.

    Args:
        rows: what the page shows.
        cursor: name of the parameter from which the next page goes on.
        last: its value there; ``None`` where this page is the last.
    """
    answer = jsonify(rows)
    if last is not None:
        kept = {name: value for name, value in request.args.items() if name != cursor}
        answer.headers["Link"] = f'<{request.path}?{urlencode(kept | {cursor: str(last)})}>; rel="next"'
    return answer
