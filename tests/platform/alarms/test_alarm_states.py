from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tundish_platform.alarms.floods import floods
from tundish_platform.alarms.states import HIDDEN, AlarmState, Standing, Transition, TransitionRefused
from tundish_platform.samples import AlarmPriority

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
RAISED = Standing(active=True, acknowledged=False)


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Standing(), AlarmState.NORMAL),
        (RAISED, AlarmState.UNACKNOWLEDGED),
        (Standing(active=True), AlarmState.ACKNOWLEDGED),
        (Standing(acknowledged=False), AlarmState.RETURNED),
        (Standing(active=True, shelved_until=NOW + HOUR), AlarmState.SHELVED),
        (Standing(active=True, shelved_until=NOW), AlarmState.ACKNOWLEDGED),
        (Standing(suppressed="standstill", shelved_until=NOW + HOUR), AlarmState.SUPPRESSED),
        (Standing(out_of_service="repair", suppressed="standstill"), AlarmState.OUT_OF_SERVICE),
    ],
)
def test_states_are_those_of_the_standard(standing: Standing, state: AlarmState) -> None:
    assert standing.state(NOW) is state


def test_an_alarm_goes_the_standards_way_round() -> None:
    standing, transition = Standing().reported(NOW, active=True)
    assert (standing, transition) == (RAISED, Transition.RAISED)
    assert standing.reported(NOW, active=True) == (standing, None)
    gone, _ = standing.reported(NOW, active=False)
    assert gone.state(NOW) is AlarmState.RETURNED
    assert gone.acknowledge(NOW).state(NOW) is AlarmState.NORMAL
    seen = standing.acknowledge(NOW)
    assert seen.state(NOW) is AlarmState.ACKNOWLEDGED
    assert seen.reported(NOW, active=False)[0].state(NOW) is AlarmState.NORMAL
    again, _ = gone.reported(NOW, active=True)
    assert again.state(NOW) is AlarmState.UNACKNOWLEDGED


def test_what_came_and_went_while_hidden_asks_for_nothing_and_what_stays_does() -> None:
    hidden = Standing().suppress("standstill", NOW)
    raised, _ = hidden.reported(NOW, active=True)
    assert raised.release(NOW).state(NOW) is AlarmState.UNACKNOWLEDGED
    gone, _ = raised.reported(NOW, active=False)
    assert gone.release(NOW).state(NOW) is AlarmState.NORMAL


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Standing().acknowledge(NOW),
        lambda: Standing(active=True).acknowledge(NOW),
        lambda: Standing().unshelve(NOW),
        lambda: Standing().release(NOW),
        lambda: Standing().return_to_service(NOW),
        lambda: Standing(suppressed="x").shelve(NOW + HOUR, NOW),
        lambda: Standing(suppressed="x").suppress("y", NOW),
        lambda: Standing(out_of_service="x").remove_from_service("y", NOW),
    ],
)
def test_what_the_state_does_not_allow_is_refused(refused: object) -> None:
    assert callable(refused)
    with pytest.raises(TransitionRefused):
        refused()


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, an unseen alarm that holds is never shown as normal."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing()
        self.now = NOW

    @rule(active=st.booleans())
    def report(self, *, active: bool) -> None:
        self.standing, transition = self.standing.reported(self.now, active=active)
        if transition is Transition.RAISED:
            assert not self.standing.acknowledged

    @rule(name=st.sampled_from(["acknowledge", "unshelve", "release", "return_to_service"]))
    def act(self, name: str) -> None:
        self.try_it(lambda: getattr(self.standing, name)(self.now))

    @rule(name=st.sampled_from(["suppress", "remove_from_service"]))
    def hide(self, name: str) -> None:
        self.try_it(lambda: getattr(self.standing, name)("reason", self.now))

    @rule()
    def shelve(self) -> None:
        self.try_it(lambda: self.standing.shelve(self.now + HOUR, self.now))

    @rule(minutes=st.integers(0, 120))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def try_it(self, act: object) -> None:
        before = self.standing
        assert callable(act)
        try:
            self.standing = act()
        except TransitionRefused:
            return
        assert self.standing.active == before.active

    @invariant()
    def an_active_alarm_is_shown_or_hidden_on_purpose(self) -> None:
        state = self.standing.state(self.now)
        if self.standing.active:
            shown = {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}
            assert state in shown | HIDDEN
        if state is AlarmState.NORMAL:
            assert not self.standing.active
            assert self.standing.acknowledged


TestAnyOrder = AnyOrder.TestCase


def test_a_flood_begins_with_the_eleventh_alarm_in_ten_minutes_and_ends_below_five() -> None:
    calm = [NOW + timedelta(minutes=n) for n in range(0, 60, 2)]
    assert floods(calm) == []
    burst = [NOW + timedelta(seconds=10 * n) for n in range(30)]
    (flood,) = floods(burst)
    assert flood.start == burst[10]
    assert flood.alarms == 30
    # Four alarms remain in the window once the fifth last has left it.
    assert flood.end == burst[-5] + timedelta(minutes=10)
    later = [*burst, *(t + HOUR for t in burst)]
    assert len(floods(later)) == 2


@pytest.mark.parametrize(
    ("severity", "priority"), [(1, 1), (250, 1), (251, 2), (500, 2), (501, 3), (1000, 4)]
)
def test_severities_of_opc_ua_become_priorities(severity: int, priority: int) -> None:
    assert AlarmPriority.of_severity(severity) == priority
