"""Whose word on a request's origin counts."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
            "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_BY")  # fmt: skip


def believed(proxy: str | None) -> dict[str, Any]:
    """What waitress is told: by default it believes nobody and takes the headers away.

    Args:
        proxy: an address, or a network, of which `believing` judges.
    """
    if proxy is None:
        return {}
    if "/" in proxy:
        return {"clear_untrusted_proxy_headers": False}
    return {"trusted_proxy": proxy, "trusted_proxy_count": 1, "trusted_proxy_headers": {"x-forwarded-for"}}


def believing(app: WSGIApplication, proxy: str | None) -> WSGIApplication:
    """An application that believes any proxy of a network; waitress itself knows single addresses only."""
    if proxy is None or "/" not in proxy:
        return app
    network = ip_network(proxy)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told, *_ = [environ.pop(name, None) for name in _HEADERS]
        # The last one is what the proxy itself saw; what stands before came from the client.
        last = told.rpartition(",")[2].strip() if told else ""
        if last and _is_address(last) and ip_address(environ["REMOTE_ADDR"]) in network:
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = last
        return app(environ, start_response)

    return answer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
