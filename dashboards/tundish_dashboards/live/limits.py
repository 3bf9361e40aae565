"""What open pages may take of a server process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """What open pages may take.

    Attributes:
        most: pages of a process.
        of_tenant: of them for one tenant.
        of_person: of them for one person.
        look_s: seconds between two looks for news.
        recheck_s: seconds after which it is asked again whether a page's person still may.
        alive_s: seconds without news after which a sign of life is sent.
        slow_s: seconds after which a reader that takes nothing is dropped.
    """

    most: int = 256
    of_tenant: int = 128
    of_person: int = 12
    look_s: float = 0.25
    recheck_s: float = 2.0
    alive_s: float = 5.0
    slow_s: float = 15.0
