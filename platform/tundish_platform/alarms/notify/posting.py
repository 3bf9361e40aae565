"""Posting JSON to an address: one connection, one deadline, no redirects, a small answer."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tundish_platform.alarms.notify.addresses import connect, deadline
from tundish_platform.alarms.notify.faults import Fault, NotSent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_platform.alarms.notify.addresses import Allowed

_MAX_ANSWER: Final = 64 * 1024
_MOST_PATIENCE_S: Final = 3600.0
# The other side is busy or broken for now: RFC 9110, 15.5.9 and 15.6; RFC 6585, 4.
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said; its status is 2xx."""

    status: int
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Allowed, timeout: float) -> Answer:
    """Post once.

    Args:
        url: http or https.
        body: JSON.
        headers: besides those of the content.
        allowed: private networks that may be reached.
        timeout: seconds for all of it.

    Raises:
        NotSent: it did not arrive, or the other side answered otherwise than with 2xx.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with deadline(timeout) as limit:
        plain = connect(host, port, allowed, timeout)
        limit.watch(plain)
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.sock = plain
            if parts.scheme == "https":
                connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
                limit.watch(connection.sock)
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            sent = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Tundish", **headers}
            connection.request("POST", path, body, sent)
            answer = connection.getresponse()
            said = Answer(answer.status, answer.read(_MAX_ANSWER))
        except ssl.SSLError as error:
            raise _late_or(limit.over, Fault.UNTRUSTED) from error
        except http.client.HTTPException as error:
            raise _late_or(limit.over, Fault.ANSWERED_BADLY) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise _late_or(limit.over, Fault.UNREACHABLE) from error
        finally:
            connection.close()
        if limit.over:
            raise NotSent(Fault.TIMEOUT, again=True)
    _check(said.status, answer.headers.get("Retry-After", ""))
    return said


def _late_or(late: bool, fault: Fault) -> NotSent:
    return NotSent(Fault.TIMEOUT if late else fault, again=True)


def _check(status: int, retry_after: str) -> None:
    if 200 <= status < 300:  # noqa: PLR2004 - the range of HTTP
        return
    if 300 <= status < 400:  # noqa: PLR2004 - the range of HTTP
        raise NotSent(Fault.REDIRECTED, f"HTTP {status}", again=False)
    after = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
    raise NotSent(
        Fault.ANSWERED_BADLY, f"HTTP {status}", again=status in _AGAIN,
        after_s=None if after is None else min(after, _MOST_PATIENCE_S),
    )  # fmt: skip
