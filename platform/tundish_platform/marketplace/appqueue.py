"""The queue of runs of all tenants: asks what is due, takes it in a fair order, runs some at a time."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.marketplace.forks import ForkServer, forks_available
from tundish_platform.marketplace.started import SandboxFailed
from tundish_platform.marketplace.turns import MAX_ATTEMPTS, Turns, Work, wait_s
from tundish_platform.sdk.transport import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_platform.marketplace.runner import Runner

ASK_EACH_S: Final = 5.0
FOLLOW_EACH: Final = timedelta(hours=1)
"""How often the shelf is looked at for patches that subscriptions follow."""

# With many tenants each is asked less often, so that asking takes a small part of a core.
_ASKS_A_SECOND: Final = 20.0
_IDLE_S: Final = 0.2
_PASSING: Final = frozenset({0, 408, 429})
_SERVERS_OWN: Final = 500

_log = structlog.get_logger(__name__)


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class AppQueue:
    """Runs what is due of all tenants until it is told to stop.

    Attributes:
        runner: runs one.
        tenants: slugs, or what gives them.
        slots: sandboxes at a time.
        clock: gives the moment.
    """

    runner: Runner
    tenants: Sequence[str]
    slots: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    clock: Callable[[], datetime] = now
    turns: Turns = field(default_factory=Turns)
    _asked: dict[str, datetime] = field(default_factory=dict)
    _followed: dict[str, datetime] = field(default_factory=dict)

    def work(self, stopped: threading.Event) -> None:
        """Ask and run until told to stop; runs that have begun are waited for."""
        threads = [threading.Thread(target=self._serve, args=(stopped,)) for _ in range(self.slots)]
        for thread in threads:
            thread.start()
        try:
            while not stopped.is_set():
                self.ask()
                stopped.wait(_IDLE_S)
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    def ask(self) -> None:
        """Ask what is due of each tenant that was not asked for a while."""
        each = timedelta(seconds=max(ASK_EACH_S, len(self.tenants) / _ASKS_A_SECOND))
        for tenant in self.tenants:
            moment = self.clock()
            if moment - self._asked.get(tenant, moment - each) < each:
                continue
            self._asked[tenant] = moment
            try:
                if moment - self._followed.get(tenant, moment - FOLLOW_EACH) >= FOLLOW_EACH:
                    self._followed[tenant] = moment
                    self.runner.follow(tenant)
                due = self.runner.due(tenant, moment)
            except ApiError as error:
                _log.warning("app_runs_wait_for_the_platform", tenant=tenant, reason=str(error))
            else:
                self.turns.offer(tenant, (Work(tenant, one, at, moment) for one, at in due))

    def turn(self) -> bool:
        """Run the next one; False where nothing may be taken."""
        work = self.turns.take(self.clock())
        if work is None:
            return False
        try:
            self._run(work)
        except (SandboxFailed, ApiError) as error:
            self._failed(work, error)
        except BaseException:
            self.turns.done(work)
            raise
        else:
            self.turns.done(work)
        return True

    def _serve(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                idle = not self.turn()
            except Exception:  # noqa: BLE001 - told in the log, with its traceback
                # One run must not take the others' slot with it.
                _log.exception("app_run_broke")
                idle = True
            if idle:
                stopped.wait(_IDLE_S)

    def _run(self, work: Work) -> None:
        run = self.runner.run_subscription(work.tenant, work.subscription, self.clock())
        if run is not None:
            _log.info("app_run", tenant=work.tenant, app=run.app, outcome=run.outcome)

    def _failed(self, work: Work, error: SandboxFailed | ApiError) -> None:
        _log.warning("app_not_reached", tenant=work.tenant, app=work.key[1], reason=str(error))
        if not may_pass(error):
            self.turns.done(work)
        elif work.attempts + 1 < MAX_ATTEMPTS:
            self.turns.put_back(work, self.clock() + timedelta(seconds=wait_s(work.attempts)))
        else:
            self.turns.done(work)
            self._give_up(work)

    def _give_up(self, work: Work) -> None:
        try:
            self.runner.record_unreached(work.tenant, work.subscription, self.clock())
        except ApiError as error:
            _log.warning("app_run_not_recorded", tenant=work.tenant, reason=str(error))


def may_pass(error: SandboxFailed | ApiError) -> bool:
    """Whether it is worth trying again: the platform was away or busy, or no sandbox started."""
    if isinstance(error, ApiError):
        return error.status in _PASSING or error.status >= _SERVERS_OWN
    return True


def best_forks() -> ForkServer | None:
    """A fork server where one keeps apart as well as single processes do."""
    return ForkServer() if forks_available() else None
