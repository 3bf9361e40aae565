"""Answers of a simulated city's platform say so, each and all: in a header, and in the names of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import request
from sqlalchemy.exc import SQLAlchemyError

from tundish_platform.api.errors import API_ROOT
from tundish_platform.programme.simulated import simulated_city

if TYPE_CHECKING:
    from flask import Flask, Response

    from tundish_platform.tenancy.metadata import Metadata

HEADER: Final = "Tundish-Simulated"
# A tenant's own data are never made: a simulated city has no tenants.
_TENANTS: Final = f"{API_ROOT}/v1/tenants/"
_CHINESE: Final = "%E6%A8%A1%E6%8B%9F-"


class SimulatedMark:
    """Whether a database is a simulated city's; once it is, it stays so.

    Args:
        metadata: of the platform.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._known = False

    def __bool__(self) -> bool:
        if not self._known:
            try:
                with self._metadata.session() as session:
                    self._known = simulated_city(session) is not None
            except SQLAlchemyError:
                # Without its database the platform has nothing to answer that would need the mark.
                return False
        return self._known


def install_mark(app: Flask, mark: SimulatedMark) -> None:
    """Mark every answer below the API's root."""

    @app.after_request
    def add_mark(response: Response) -> Response:
        if request.path.startswith(API_ROOT) and not request.path.startswith(_TENANTS) and mark:
            response.headers[HEADER] = "true"
            named = response.headers.get("Content-Disposition", "")
            if named:
                named = named.replace("filename=", "filename=simulated-", 1)
                named = named.replace("filename*=UTF-8''", f"filename*=UTF-8''{_CHINESE}", 1)
                response.headers["Content-Disposition"] = named
        return response
