"""The thread beside the sealer that applies policies: removes what is due, sweeps, reads them again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.store.lifecycle.erased import Leaving
    from tundish_platform.store.lifecycle.forgotten import SignalRemovals
    from tundish_platform.store.lifecycle.policy import Policies
    from tundish_platform.store.lifecycle.quota import Limits
    from tundish_platform.store.lifecycle.removal import Removals
    from tundish_platform.store.lifecycle.retention import Retention

_TURN_S: Final = 1.0
_POLICIES_S: Final = 5.0
_SWEEP_S: Final = 60.0

log = structlog.get_logger(__name__)


class Housekeeper:
    """Everything of a tenant's life that happens without anybody asking.

    Args:
        policies: of all tenants.
        limits: quotas and turns.
        leaving: tenants that are being removed.
        retention: removes days.
        removals: remove tenants.
        signals: remove single signals.
    """

    def __init__(
        self,
        policies: Policies,
        limits: Limits,
        leaving: Leaving,
        retention: Retention,
        removals: Removals,
        signals: SignalRemovals,
    ) -> None:
        self._retention = retention
        self._removals = removals
        self._signals = signals
        self._leaving = leaving
        self._chores: list[tuple[str, float, Callable[[], object]]] = [
            ("policies", _POLICIES_S, policies.refresh),
            ("removals", _POLICIES_S, self._remove),
            ("signals", _POLICIES_S, signals.turn),
            ("retention", _TURN_S, retention.turn),
            ("quotas", _SWEEP_S, limits.sweep),
        ]
        self._due = dict.fromkeys((name for name, _, _ in self._chores), 0.0)
        self._failed: dict[str, str] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    @property
    def problems(self) -> list[str]:
        """What failed at the last try, in words."""
        return [
            *self._failed.values(),
            *self._retention.problems,
            *self._removals.problems,
            *self._signals.problems,
        ]

    def start(self) -> None:
        """Do all that from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def turn(self) -> None:
        """Do what is due now; one chore's trouble does not stop the others."""
        for name, every_s, chore in self._chores:
            if time.monotonic() >= self._due[name]:
                self._due[name] = time.monotonic() + every_s
                self._do(name, chore)

    def turn_now(self) -> None:
        """Do all of it now, whether due or not."""
        for name, _, chore in self._chores:
            self._do(name, chore)

    def _do(self, name: str, chore: Callable[[], object]) -> None:
        try:
            chore()
        except Exception as error:
            self._failed[name] = f"{name} could not be looked after and are tried again: {error}"
            log.exception("housekeeping failed", chore=name)
        else:
            self._failed.pop(name, None)

    def _remove(self) -> None:
        self._leaving.refresh()
        if self._removals.turn():
            self._leaving.refresh()

    def _run(self) -> None:
        while not self._stopped.wait(_TURN_S):
            self.turn()
