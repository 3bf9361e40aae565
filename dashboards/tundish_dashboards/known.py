"""The signals that a person may see, as they were a moment ago: callbacks of one page share one reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_dashboards.recent import Recent
from tundish_platform.assets import list_signals

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.samples import SignalInfo

_KEPT_S: Final = 5.0


class KnownSignals:
    """Signals by who looks."""

    def __init__(self) -> None:
        self._recent: Recent[list[SignalInfo]] = Recent(_KEPT_S)

    def of(self, view: TenantView) -> list[SignalInfo]:
        """All that the person may see."""
        return self._recent.get(whose(view), lambda: read_signals(view))


def read_signals(view: TenantView) -> list[SignalInfo]:
    """All signals that the person may see."""
    with view.context.metadata.session() as session:
        return list_signals(session, view.scope)


def whose(view: TenantView) -> tuple[int, frozenset[str] | None]:
    """What tells kept answers apart: the tenant, and the places that the person may see of it."""
    return view.scope.tenant_id, view.scope.places()
