"""Who runs next: no tenant starves another, and what never reached its app is tried again."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.marketplace.appqueue import FOLLOW_EACH, AppQueue, may_pass
from tundish_platform.marketplace.started import SandboxFailed
from tundish_platform.marketplace.turns import MAX_ATTEMPTS, Turns, Work, wait_s
from tundish_platform.sdk.transport import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def work(tenant: str, number: int) -> Work:
    return Work(tenant, {"app": f"app-{number}"}, NOW, NOW)


def test_a_tenant_with_five_hundred_cannot_starve_one_with_one() -> None:
    turns = Turns()
    turns.offer("large", [work("large", n) for n in range(500)])
    turns.offer("small", [work("small", 0)])
    first, second = turns.take(NOW), turns.take(NOW)
    assert first is not None
    assert second is not None
    assert {first.tenant, second.tenant} == {"large", "small"}


def test_tenants_take_turns_as_long_as_both_have_something() -> None:
    turns = Turns()
    turns.offer("a", [work("a", n) for n in range(30)])
    turns.offer("b", [work("b", n) for n in range(10)])
    taken = []
    for _ in range(20):
        one = turns.take(NOW)
        assert one is not None
        taken.append(one.tenant)
        turns.done(one)
    assert Counter(taken) == {"a": 10, "b": 10}


def test_who_runs_most_waits() -> None:
    turns = Turns()
    turns.offer("a", [work("a", n) for n in range(3)])
    running = [turns.take(NOW), turns.take(NOW)]
    assert all(running)
    turns.offer("b", [work("b", 0), work("b", 1)])
    assert [one.tenant for one in (turns.take(NOW), turns.take(NOW)) if one] == ["b", "b"]


def test_what_runs_is_not_offered_twice_and_what_is_no_longer_due_goes() -> None:
    turns = Turns()
    turns.offer("a", [work("a", 0), work("a", 1)])
    first = turns.take(NOW)
    assert first is not None
    turns.offer("a", [first])
    assert turns.take(NOW) is None
    assert len(turns) == 1


class _Runner:
    """Ends as it is told, once for each turn; keeps what it was asked for."""

    def __init__(self, ends: list[Exception | None]) -> None:
        self.ends = ends
        self.asked: list[str] = []
        self.unreached: list[str] = []
        self.followed: list[str] = []

    def follow(self, tenant: str) -> None:
        self.followed.append(tenant)

    def due(self, _tenant: str, now: datetime) -> list[tuple[Mapping[str, Any], datetime]]:
        return [({"app": "one"}, now)]

    def run_subscription(self, tenant: str, _subscription: Mapping[str, Any], _now: datetime) -> None:
        self.asked.append(tenant)
        end = self.ends.pop(0) if self.ends else None
        if end is not None:
            raise end

    def record_unreached(self, tenant: str, _subscription: Mapping[str, Any], _now: datetime) -> None:
        self.unreached.append(tenant)


class _Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def queue(ends: list[Exception | None]) -> tuple[AppQueue, _Runner, _Clock]:
    runner, clock = _Runner(ends), _Clock()
    made = AppQueue(runner, ["plant"], 1, clock)  # type: ignore[arg-type] # what the queue asks of a runner
    made.ask()
    return made, runner, clock


def test_a_sandbox_that_did_not_start_is_tried_again_later_and_later() -> None:
    made, runner, clock = queue([SandboxFailed("no memory"), ApiError(0, "unreachable", "away")])
    assert made.turn()
    assert not made.turn(), "it must wait"
    clock.now += timedelta(seconds=wait_s(0))
    assert made.turn()
    clock.now += timedelta(seconds=wait_s(0))
    assert not made.turn(), "it must wait twice as long"
    clock.now += timedelta(seconds=wait_s(1))
    assert made.turn()
    assert len(runner.asked) == 3
    assert runner.unreached == []
    assert len(made.turns) == 0


def test_what_stays_out_of_reach_is_given_up_and_recorded_as_that() -> None:
    made, runner, clock = queue([SandboxFailed("no memory")] * MAX_ATTEMPTS)
    for _ in range(MAX_ATTEMPTS):
        assert made.turn()
        clock.now += timedelta(hours=1)
    assert not made.turn()
    assert runner.unreached == ["plant"]


def test_the_shelf_is_looked_at_for_patches_once_an_hour() -> None:
    made, runner, clock = queue([])
    assert runner.followed == ["plant"]
    clock.now += FOLLOW_EACH - timedelta(seconds=1)
    made.ask()
    assert runner.followed == ["plant"]
    clock.now += timedelta(seconds=10)
    made.ask()
    assert runner.followed == ["plant", "plant"]


def test_a_refusal_is_not_tried_again() -> None:
    made, runner, clock = queue([ApiError(404, "not_subscribed", "no")])
    assert made.turn()
    clock.now += timedelta(hours=1)
    assert not made.turn()
    assert (runner.asked, runner.unreached) == (["plant"], [])


class _Two(_Runner):
    """Of two tenants, each with what is due of its own."""

    def __init__(self) -> None:
        super().__init__([])
        self.due_of = {"a": ["one"], "b": ["one"]}
        self.looked: list[str] = []

    def due(self, tenant: str, now: datetime) -> list[tuple[Mapping[str, Any], datetime]]:
        self.looked.append(tenant)
        return [({"app": app}, now) for app in self.due_of[tenant]]


def test_two_tenants_are_asked_each_in_its_time_and_lose_only_what_is_no_longer_due_of_their_own() -> None:
    runner, clock = _Two(), _Clock()
    made = AppQueue(runner, ["a", "b"], 1, clock)  # type: ignore[arg-type] # what the queue asks of a runner
    made.ask()
    made.ask()
    assert runner.looked == ["a", "b"], "each was asked a moment ago"
    runner.due_of["a"] = []
    clock.now += timedelta(hours=1)
    made.ask()
    assert runner.looked == ["a", "b", "a", "b"]
    assert made.turn()
    assert not made.turn()
    assert runner.asked == ["b"]


@pytest.mark.parametrize(
    ("status", "passes"), [(0, True), (429, True), (503, True), (403, False), (422, False)]
)
def test_which_answers_may_pass(status: int, passes: bool) -> None:
    assert may_pass(ApiError(status, "x", "x")) is passes


def test_workers_run_what_is_due_and_stop_when_told() -> None:
    made, runner, _ = queue([])
    stopped = threading.Event()
    thread = threading.Thread(target=made.work, args=(stopped,))
    thread.start()
    ended = threading.Event()
    while not runner.asked and not ended.wait(0.01):
        assert thread.is_alive()
    stopped.set()
    thread.join(60)
    assert not thread.is_alive()
