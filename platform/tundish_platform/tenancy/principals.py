"""Who holds a token or session, remembered while nothing that decides it has changed.

Each look reads one number that triggers count up with every change of keys, people, sessions and roles
(`tundish_platform.migrations.identity`). So what is taken away is gone with the next request, in every
process, and the rows of roles are not read a thousand times to find the same.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tundish_platform.tenancy import passwords
from tundish_platform.tenancy.accounts import token_holder
from tundish_platform.tenancy.models import IdentityVersion
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.sessions import SESSION_PREFIX, session_holder

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import Principal

MOST: Final = 10_000
_VERSION: Final = select(IdentityVersion.version).where(IdentityVersion.id == 1)


@dataclass(frozen=True, slots=True)
class _Known:
    """A principal as it was at a version, good for a minute at most."""

    principal: Principal
    version: int
    since: datetime
    until: datetime


class Principals:
    """The holders of the tokens and sessions that ask one process.

    Args:
        metadata: where they stand.
        most: how many are remembered; beyond that those that have not asked for longest are forgotten.
    """

    def __init__(self, metadata: Metadata, most: int = MOST) -> None:
        self._metadata = metadata.above(Above.IDENTITY)
        self._most = most
        self._lock = Lock()
        # By digest: no token lies in memory longer than its request.
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, token: str) -> Principal:
        """Whose token or session it is, with the roles of this moment.

        Raises:
            AccessDenied: nobody's, or no longer.
        """
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        # Read before the rows: a change in between leaves an old number beside new rows, never the reverse.
        version: int | None = self._metadata.value(_VERSION)
        now = passwords.utc_now()
        with self._lock:
            known = self._known.get(key)
            if known is not None and known.version == version and known.since <= now < known.until:
                self._known.move_to_end(key)
                return known.principal
            self._known.pop(key, None)
        principal, until = self._look_up(token, now)
        if version is not None:
            self._remember(key, _Known(principal, version, now, until))
        return principal

    def _look_up(self, token: str, now: datetime) -> tuple[Principal, datetime]:
        with self._metadata.session() as session:
            if token.startswith(SESSION_PREFIX):
                return session_holder(session, token.removeprefix(SESSION_PREFIX), now)
            return token_holder(session, token)

    def _remember(self, key: bytes, known: _Known) -> None:
        with self._lock:
            self._known[key] = known
            while len(self._known) > self._most:
                self._known.popitem(last=False)
