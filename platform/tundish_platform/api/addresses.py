"""From where a request comes, as far as its sender cannot choose it."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request


def caller_address() -> str:
    """Network address of the current request's sender.

    Behind a proxy it is the proxy's own, unless the server was told which proxy's header to believe
    (``server.proxy``).
    """
    return address_of(request.remote_addr or "")


def address_of(text: str) -> str:
    """An address as limits count it: IPv4 as it is, IPv6 by its network, for every home has 2⁶⁴ of them."""
    try:
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return text
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((int(found) >> 64 << 64, 64)))
