"""Connections that live at office hours only, in plants that run longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from tundish_platform.programme.ghosts.look import Look

_DAY: Final = 1440
_LEAST_DAYS: Final = 14.0
_LEAST_ACTIVE: Final = 0.5
_OFFICE: Final = (7 * 60 + 30, 18 * 60 + 30)
_WORKDAYS: Final = 5
# A plant of one shift keeps office hours honestly.
_LONGER_THAN_ONE_SHIFT: Final = 60.0


def office_share(look: Look) -> float | None:
    """Share of the active minutes that fall on workdays between 7:30 and 18:30; None where it says nothing.

    It says nothing over less than two weeks, for a plant of a single shift, and for one hardly ever active.
    """
    if look.days < _LEAST_DAYS or look.hours_week < _LONGER_THAN_ONE_SHIFT or not len(look.active):
        return None
    minutes = np.unique(look.active)
    day = minutes // _DAY
    if len(np.unique(day)) < _LEAST_ACTIVE * look.days * _WORKDAYS / 7:
        return None
    within = minutes % _DAY
    workday = day % 7 < _WORKDAYS
    return float((workday & (within >= _OFFICE[0]) & (within < _OFFICE[1])).mean())
