"""Places whose change changes nothing that anybody could see, each with its reason.

An entry that a test notices, or whose place is gone, is counted as a wrong excuse and fails the campaign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

EQUIVALENT: Final[Mapping[str, str]] = {}
