"""Flask without what no request of the API needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from tundish_platform.api.errors import API_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Request
    from flask.sessions import SessionMixin


class PagesCookie(SecureCookieSessionInterface):
    """The session cookie of pages; below the API none is read or set, whatever a browser sends along."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:  # type: ignore[override] # None is how Flask spells "none"
        """The cookie's session; below the API one that holds nothing and refuses to be written."""
        if request.path.startswith(API_ROOT):
            return self.make_null_session(app)
        return super().open_session(app, request)


class Application(Flask):
    """The platform's Flask application."""

    session_interface = PagesCookie()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: all of ours are plain, and asking each one again took 4 % of a request."""
        return func
