"""Places whose change changes nothing that anybody could see, each with its reason.

An entry that a test notices, or whose place is gone, is counted as a wrong excuse and fails the campaign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EQUIVALENT: Final[Mapping[str, Mapping[str, str]]] = {
    "store": {},
    "doors": {
        "api/guard.py: guarded.mark.checked: scope.slug != tenant → not refused": (
            "the scope was made for the tenant of the address by the same request; a second lock"
        ),
        "api/guard.py: asked_again: access is None or access.tenant is None → not refused": (
            "only guarded routes are answered at all, and the one route that asks again is in a tenant"
        ),
    },
    "marketplace": {},
}
"""By subject, then by the place's key."""
