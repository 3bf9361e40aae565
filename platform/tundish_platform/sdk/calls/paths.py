"""Addresses below the API's root, and parameters as they stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from tundish_platform.sdk.calls.answers import HeldRole

By = Literal["hour", "shift", "production_day", "day", "week", "month"]
Interpolation = Literal["signal", "step", "line"]
ARROW: Final = "application/vnd.apache.arrow.stream"


def below(*parts: str | int) -> str:
    """An address of parts, each escaped."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def of(tenant: str, *parts: str | int) -> str:
    """An address below a tenant."""
    return below("tenants", tenant, *parts)


def given(**parameters: str | float | None) -> dict[str, str]:
    """Parameters that were given."""
    return {name: str(value) for name, value in parameters.items() if value is not None}


def joined(signals: Iterable[int]) -> str:
    """Numbers with commas."""
    return ",".join(str(number) for number in signals)


def window(signals: Iterable[int], start: datetime, end: datetime, unit: str | None = None) -> dict[str, str]:
    """Signals over ``[start, end)``, in a unit if one was given."""
    asked = {"signals": joined(signals), "start": start.isoformat(), "end": end.isoformat()}
    return asked | given(unit=unit)


def cut(by: By | timedelta) -> dict[str, str]:
    """What a stretch is cut by: the plant's calendar, or steps."""
    return {"by": by} if isinstance(by, str) else {"by": "step", "step_s": repr(by.total_seconds())}


def held(roles: Iterable[HeldRole | str]) -> list[HeldRole]:
    """Roles with their places; a word alone means the whole tenant."""
    return [{"role": one, "place": ""} if isinstance(one, str) else one for one in roles]
