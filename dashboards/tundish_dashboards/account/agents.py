"""What a browser calls itself, as a person would say it."""

from __future__ import annotations

from typing import Final

# The order matters: Edge also says Chrome, Chrome also says Safari, Android also says Linux.
_BROWSERS: Final = (
    ("Edg", "Edge"), ("MicroMessenger", "WeChat"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip
_LONGEST: Final = 60


def agent_name(agent: str) -> str:
    """``Chrome · Windows`` for a browser, the beginning of what it says for a program; empty for nothing."""
    found = [next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, found)) or agent[:_LONGEST]
